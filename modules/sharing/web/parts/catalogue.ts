import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { either } from '@/i18n'
import { classList } from '../api'

/** The catalogue by name. */
export function useClasses() {
  const query = useQuery({ queryKey: ['class', 'list'], queryFn: classList, staleTime: Infinity })
  const names = computed(() => new Map((query.data.value ?? []).map((one) => [one.code, either(one.zh, one.en)])))
  return {
    query,
    name: (code: string) => names.value.get(code) ?? code,
    /** `Manufacturing / Machining / Five-axis milling` */
    path: (code: string) =>
      code
        .split('.')
        .map((_, index, parts) => parts.slice(0, index + 1).join('.'))
        .map((part) => names.value.get(part) ?? part)
        .join(' / '),
  }
}
