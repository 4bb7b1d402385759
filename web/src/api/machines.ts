// Machines: what they are, what they say now, what they did.

import { all, call, post } from './http'
import { grantList } from './access'

export interface Property {
  id: string
  name_zh: string
  name_en: string
  /** `int`, `long`, `float`, `double`, `boolean`, `string`, `enum`, `date` … */
  type: string
  /** UN/ECE Rec 20 code; none for booleans and text. */
  unit?: string
  symbol?: string
  min?: number
  max?: number
  counter: boolean
  stale_after_ms: number
  choices?: { value: string; text: string }[]
}

export type Value = number | boolean | string
/** `[time ms, value, quality]`; quality is `good`, `uncertain`, `bad` or `stale`. */
export type Latest = [number, Value, string]

export interface Machine {
  id: string
  owner: string
  code: string
  name: string
  kind: string
  parent?: string | null
  thing_model: string
  thing_model_version: number
  thing_model_latest: number
  /** Absent when it is not for us. */
  state?: string
  /** Since when it is in this state (ms). */
  since?: number | null
  /** When its newest value was measured (ms). */
  heard?: number | null
  values: Record<string, Latest>
  properties: Property[]
  /** Whether it is ours, or shown to us by a grant. */
  own: boolean
}

/** Message of the live topic `machine/<id>`. */
export interface LiveMachine {
  at: number
  state: string
  since: number | null
  values: Record<string, Latest>
}

export interface ThingModel {
  id: string
  code: string
  name_zh: string
  name_en: string
  kind: string
  version: number
  versions: number[]
  properties: Property[]
  created_at: string
}

/** One property over a window, ready to draw: times in ms, rising; null where nothing was measured. */
export interface Series {
  t: number[]
  y: (number | null)[]
  low?: (number | null)[]
  high?: (number | null)[]
  complete: boolean
}

interface WireSeries {
  property: string
  unit?: string
  from: number
  to: number
  period_ms?: number
  before?: Latest
  points: Latest[]
  /** `[start_ms, count, min, max, mean, first, last]` */
  buckets: [number, number, number, number, number, number, number][]
  complete: boolean
}

export interface StateSpan {
  from: number
  to: number
  state: string
}

export interface Kpi {
  apt_ms: number
  idle_ms: number
  down_ms: number
  off_ms: number
  unknown_ms: number
  failures: number
  availability?: string | null
  utilisation_efficiency?: string | null
  allocation_efficiency?: string | null
  mean_time_to_repair_s?: string | null
}

export interface EquipmentNode {
  id: string
  parent: string | null
  level: string
  code: string
  name: string
  kind: string
}

type WireMachine = Omit<Machine, 'properties' | 'own'> & { properties?: Property[] }

/** Purposes under which foreign machines were granted to us: sent along whenever one of them is read. */
const purposes = new Map<string, string>()

const read = <T>(id: string, path: string, query?: Record<string, string | number>) =>
  call<T>('GET', `/machines/${id}${path}`, { query, purpose: purposes.get(id) })

/** Our machines, then those that were granted to us one by one. */
export async function machineList(): Promise<Machine[]> {
  const [own, models, grants] = await Promise.all([all<WireMachine>('/machines'), modelList(), grantList().catch(() => [])])
  const properties = new Map(models.map((model) => [model.id, model.properties]))
  const mine = own.map((machine) => ({ ...machine, own: true, properties: machine.properties ?? properties.get(machine.thing_model) ?? [] }))
  const granted = grants.filter((grant) => grant.direction === 'received' && grant.state === 'active' && grant.kinds.includes('machine'))
  for (const grant of granted) for (const id of grant.ids) purposes.set(id, grant.purpose)
  const ids = [...new Set(granted.flatMap((grant) => grant.ids))]
  const known = new Set(mine.map((one) => one.id))
  const foreign = await Promise.all(ids.filter((id) => !known.has(id)).map((id) => machine(id).catch(() => null)))
  return [...mine, ...foreign.filter((one) => one !== null)]
}

/** One machine; whether it is `own` is for those to say who know who we are. */
export async function machine(id: string): Promise<Machine> {
  const found = await read<WireMachine>(id, '')
  return { ...found, own: false, properties: found.properties ?? [] }
}

export const modelList = () => all<ThingModel>('/thing-models')

export const kpi = (id: string, from: number, to: number) => read<Kpi>(id, '/kpi', { from: iso(from), to: iso(to) })

export async function timeline(id: string, from: number, to: number): Promise<StateSpan[]> {
  return (await read<{ spans: StateSpan[] }>(id, '/timeline', { from: iso(from), to: iso(to) })).spans
}

export async function series(id: string, property: string, from: number, to: number, width: number, counter = false): Promise<Series> {
  const wire = await read<WireSeries>(id, `/series/${property}`, { from: iso(from), to: iso(to), width: Math.max(10, Math.round(width)) })
  return drawable(wire, counter)
}

// Slow senders speak once a minute; only a longer silence is a gap.
const GAP_MS = 150_000

const numeric = (value: Value) => (typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : null)

/** Columns of a series, with a null wherever nothing was measured for much longer than usual: a gap is not a line. */
export function drawable(wire: WireSeries, counter: boolean): Series {
  const series: Series = { t: [], y: [], complete: wire.complete }
  if (wire.buckets.length > 0) {
    const period = wire.period_ms ?? 0
    const pause = Math.max(GAP_MS, period * 2.5)
    series.low = []
    series.high = []
    let last = -Infinity
    for (const [start, , low, high, mean, , end] of wire.buckets) {
      if (last !== -Infinity && start - last > pause) push(series, last + period, null)
      push(series, start + (counter ? period : period / 2), counter ? end : mean, low, high)
      last = start
    }
    return series
  }
  const before = wire.before && numeric(wire.before[1])
  const steps = wire.points.slice(1).map((point, index) => point[0] - (wire.points[index]?.[0] ?? 0)).sort((a, b) => a - b)
  const usual = steps[Math.floor((steps.length - 1) / 2)] ?? 0
  const gap = Math.max(GAP_MS, usual * 6)
  const first = wire.points[0]?.[0]
  if (before !== undefined && before !== null && (counter || (first !== undefined && wire.before && first - wire.before[0] < gap))) push(series, wire.from, before)
  let last = series.t.at(-1) ?? -Infinity
  for (const [at, value] of wire.points) {
    if (!counter && last !== -Infinity && at - last > gap) push(series, last + 1, null)
    if (at > last) push(series, at, numeric(value))
    last = at
  }
  return series
}

function push(series: Series, at: number, value: number | null, low: number | null = value, high: number | null = value) {
  series.t.push(at)
  series.y.push(value)
  series.low?.push(value === null ? null : low)
  series.high?.push(value === null ? null : high)
}

export const equipment = () => all<EquipmentNode>('/equipment')

export const equipmentCreate = (body: { parent: string | null; level: string; code: string; name: string; thing_model?: string }, key: string) =>
  post<EquipmentNode>('/equipment', body, key)
export const modelImport = (body: { code: string; name_zh: string; name_en: string; kind: string; document: unknown }, key: string) =>
  post<{ id: string; version: number; created: boolean; warnings: string[] }>('/thing-models', body, key)

const iso = (ms: number) => new Date(ms).toISOString()
