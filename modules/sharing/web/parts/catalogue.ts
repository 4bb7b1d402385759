import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { either } from '@/i18n'
import { classList } from '../api'

export type ClassNode = {
  value: string
  label: string
  children?: ClassNode[]
}

/** The catalogue as names and as a tree for choosing. */
export function useClasses() {
  const query = useQuery({ queryKey: ['class', 'list'], queryFn: classList, staleTime: Infinity })
  const names = computed(() => new Map((query.data.value ?? []).map((one) => [one.code, either(one.zh, one.en)])))
  const tree = computed(() => {
    const nodes = new Map<string, ClassNode>()
    const roots: ClassNode[] = []
    for (const one of query.data.value ?? []) {
      const node: ClassNode = { value: one.code, label: either(one.zh, one.en) }
      nodes.set(one.code, node)
      const parent = nodes.get(one.code.split('.').slice(0, -1).join('.'))
      if (parent) (parent.children ??= []).push(node)
      else roots.push(node)
    }
    return roots
  })
  return {
    query,
    tree,
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
