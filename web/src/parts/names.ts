import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { machineList } from '@/api/machines'
import { short } from '@/format'
import { propertyName } from '@/machines'

/** Names of machines by id: what readings and bookings cite, people should read. */
export function useMachineNames() {
  const query = useQuery({ queryKey: ['machine', 'list'], queryFn: machineList, staleTime: 60_000 })
  const byId = computed(() => new Map((query.data.value ?? []).map((machine) => [machine.id, machine])))
  return {
    query,
    /** Only machines that we may see. */
    machine: (id: string) => byId.value.get(id),
    name: (id: string | null | undefined) => (id && byId.value.get(id)?.name) || short(id),
    property: propertyName,
  }
}
