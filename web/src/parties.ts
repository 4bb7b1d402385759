// Names of organisations by id: what the record cites, people should read.

import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { organisationList } from './api/access'
import { short } from './format'
import { either } from './i18n'

export function useParties() {
  const query = useQuery({ queryKey: ['organisation', 'list'], queryFn: organisationList, staleTime: 300_000 })
  const names = computed(() => new Map((query.data.value ?? []).map((one) => [one.id, either(one.name_zh, one.name_en)])))
  const own = computed(() => (query.data.value ?? []).find((one) => one.own)?.id)
  return {
    query,
    own,
    others: computed(() => (query.data.value ?? []).filter((one) => !one.own)),
    /** The name, or the shortened id while it is not known. */
    name: (id: string | null | undefined) => (id ? (names.value.get(id) ?? short(id)) : '–'),
  }
}
