// Machines as the pages see them: what was fetched, with what came live on top.

import { useQuery } from '@tanstack/vue-query'
import { computed, reactive, type MaybeRefOrGetter, toValue } from 'vue'
import { machine, machineList, type Latest, type LiveMachine, type Machine, type Property, type Value } from './api/machines'
import { number, unitSymbol } from './format'
import { either } from './i18n'
import { useLive, useLiveEach } from './live/socket'
import { me } from './session'

const NUMBERS = ['int', 'long', 'float', 'double']
export const isNumeric = (property: Property) => NUMBERS.includes(property.type)
/** What can be drawn with a scale: a measured quantity, not a counter or a code. */
export const isMeasured = (property: Property) => isNumeric(property) && Boolean(property.unit) && !property.counter

/** One measure for all kinds, so that tiles can be compared; else the first that is measured. */
export function mainProperty(machine: Machine): Property | undefined {
  const numeric = machine.properties.filter((property) => isNumeric(property) && !property.counter)
  return numeric.find((property) => property.id === 'power') ?? numeric.find((property) => property.unit) ?? numeric[0]
}

export const propertyName = (property: Property) => either(property.name_zh, property.name_en)
export const valueOf = (machine: Machine | undefined, property: Property | undefined): Value | undefined => (property ? machine?.values[property.id]?.[1] : undefined)

export function showValue(property: Property | undefined, value: Value | null | undefined): string {
  if (value === null || value === undefined) return '–'
  const choice = property?.choices?.find((one) => one.value === String(value))
  if (choice) return choice.text
  if (typeof value !== 'number') return String(value)
  const unit = unitSymbol(property?.unit)
  return `${number(value)}${unit === '%' || unit === '°' ? '' : ' '}${unit}`.trim()
}

/** The list, with states and values kept fresh. */
export function useMachines() {
  const query = useQuery({ queryKey: ['machine', 'list'], queryFn: machineList, staleTime: 60_000 })
  const latest = reactive(new Map<string, LiveMachine>())
  useLiveEach(
    () => (query.data.value ?? []).map((one) => `machine/${one.id}`),
    (topic, data) => latest.set(topic.slice('machine/'.length), data as LiveMachine),
  )
  const rows = computed<Machine[]>(() => (query.data.value ?? []).map((one) => merged(one, latest.get(one.id))))
  return { query, rows }
}

/** One machine, live. */
export function useMachine(id: MaybeRefOrGetter<string>) {
  const query = useQuery({
    queryKey: computed(() => ['machine', toValue(id)]),
    queryFn: () => machine(toValue(id)),
    enabled: computed(() => toValue(id).startsWith('ast_')),
    staleTime: 30_000,
  })
  const message = useLive<LiveMachine>(() => (query.data.value ? `machine/${toValue(id)}` : null))
  const live = computed(() => {
    const found = query.data.value
    return found ? merged({ ...found, own: found.owner === me.value?.organisation.id }, message.value ?? undefined) : undefined
  })
  return { query, live, message }
}

function merged(one: Machine, message: LiveMachine | undefined): Machine {
  if (!message) return one
  const values: Record<string, Latest> = { ...one.values, ...message.values }
  const heard = Object.values(message.values ?? {}).reduce((newest, [at]) => Math.max(newest, at), one.heard ?? 0)
  return { ...one, state: message.state ?? one.state, since: message.since ?? one.since, heard: heard || one.heard, values }
}
