import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { machineList } from '@/api/machines'
import { short } from '@/format'

/** Names of machines by id: what readings and bookings cite, people should read. */
export function useMachineNames() {
  const query = useQuery({ queryKey: ['machine', 'list'], queryFn: machineList, staleTime: 60_000 })
  const byId = computed(() => new Map((query.data.value ?? []).map((machine) => [machine.id, machine])))
  return {
    query,
    machine: (id: string) => byId.value.get(id),
    name: (id: string | null | undefined) => {
      const found = id ? byId.value.get(id) : undefined
      return found ? found.name : short(id)
    },
  }
}
