// Shared manufacturing on the wire.

import { all, get, post, put } from '@/api/http'
import type { Window } from '@/api/record'
import type { Money, Quantity } from '@/format'

/** A node of the three-level catalogue; the code's parts are its levels. */
export interface Class {
  code: string
  parent?: string
  level: number
  zh: string
  en: string
}

export type Basis = 'time' | 'value' | 'pieces'

export interface PriceRule {
  basis: Basis
  /** Net per hour or per good piece; for `value` the declared value of one good piece. */
  unit_price: Money
  /** For `value` only: per cent of the value that is charged. */
  percent: string | null
  minimum: Money | null
}

export interface Certificate {
  scheme: string
  expires_at: string
}

export interface Assurance {
  cpk: string
  parts: number
  measured_at: string
  expires_at: string
}

export interface Place {
  lat_e6: number
  lon_e6: number
}

/** What is offered, as its owner states it. */
export interface Terms {
  title: string
  class: string
  materials: string[]
  envelope_mm: [number, number, number]
  /** Half width. */
  tolerance_um: number
  /** Ra. */
  roughness_nm: number
  lot_min: number
  lot_max: number
  certificates: Certificate[]
  place: Place
  prices: PriceRule[]
  setup: Money
  tax_percent: string
  pieces_per_hour: string
  dispute_window_h: number
}

export interface ListedMachine {
  asset: string
  name?: string
  kind?: string
}

export interface Capability {
  id: string
  provider: string
  own: boolean
  machine: ListedMachine
  state: 'draft' | 'published' | 'assured' | 'lapsed' | 'withdrawn'
  terms: Terms
  assurance?: Assurance
  offer?: string
}

export interface Weights {
  price: number
  distance: number
  availability: number
  quality: number
}

/** What is absent does not matter. */
export interface Requirement {
  class?: string
  material?: string
  part_mm?: [number, number, number]
  tolerance_um?: number
  roughness_nm?: number
  lot: number
  certificates: string[]
  assured_only: boolean
  place?: Place
  weights?: Weights
}

export interface Score extends Weights {
  total: number
}

export interface Cost {
  net: Money
  tax: Money
  gross: Money
}

export interface Match {
  capability: Capability
  score: Score
  estimates: { basis: Basis; cost: Cost }[]
  distance_km?: number
  earliest?: Window
}

export interface Rejection {
  capability: Capability
  constraint: string
  needed: string
  offered: string
}

export interface Found {
  matches: Match[]
  matches_total: number
  rejected: Rejection[]
  rejected_total: number
}

export interface Opening {
  utc_offset_min: number
  /** Minutes from Monday 00:00; none means always open. */
  minutes: [number, number][]
}

/** What is neither free nor busy is closed. */
export interface Calendar {
  asset: string
  opening: Opening
  free: Window[]
  busy: Window[]
}

export interface Quote {
  price: PriceRule
  setup: Money
  most: Cost
}

export interface Hold {
  id: string
  capability: string
  slots: Window[]
  expires_at: string
  state: string
}

export interface Booking {
  id: string
  state: 'booked' | 'running' | 'finished' | 'invoiced' | 'settled' | 'disputed' | 'cancelled'
  side: 'provider' | 'buyer'
  capability: string
  machine: ListedMachine
  provider: string
  buyer: string
  part: string
  pieces: number
  slots: Window[]
  price: PriceRule
  setup: Money
  tax_percent: string
  most: Cost
  dispute_window_h: number
  agreement: string
  escrow: string
  paid: { released: Money; refunded: Money } | null
  job: { id: string; started_at: string | null; finished_at: string | null; invoice: string | null; dispute: string | null; note: string | null }
  created_at: string
}

/** What the meters of a job show; also pushed on the live topic `job/<id>`. Never billed: sealed readings are. */
export interface JobMeter {
  at: string
  running: Quantity
  pieces: Quantity | null
  cost: Cost
}

export interface JobReading {
  id: string
  quantity: Quantity
  coverage: string
  state: string
  evidence: string
}

export interface Job {
  id: string
  booking: string
  state: Booking['state']
  provider: string
  buyer: string
  machine: ListedMachine
  part: string
  ordered: number
  started_at: string | null
  finished_at: string | null
  meter: JobMeter | null
  reading_time: JobReading | null
  reading_pieces: JobReading | null
  invoice: string | null
  dispute: string | null
  note: string | null
}

export const classList = () => get<Class[]>('/sharing/classes')
/** Our own. */
export const capabilityList = () => all<Capability>('/sharing/capabilities')
export const capability = (id: string) => get<Capability>(`/sharing/capabilities/${id}`)
export const capabilityCreate = (asset: string, terms: Terms, key: string) => post<Capability>('/sharing/capabilities', { asset, terms }, key)
export const capabilityUpdate = (id: string, terms: Terms, key: string) => put<Capability>(`/sharing/capabilities/${id}`, terms, key)
export const capabilityPublish = (id: string, key: string) => post<Capability>(`/sharing/capabilities/${id}/publish`, {}, key)
export const capabilityWithdraw = (id: string, key: string) => post<Capability>(`/sharing/capabilities/${id}/withdraw`, {}, key)
export const capabilityAssure = (id: string, parts: number, key: string) => post<Capability>(`/sharing/capabilities/${id}/assure`, { parts }, key)
export const openingPut = (id: string, opening: Opening, key: string) => put<Opening>(`/sharing/capabilities/${id}/opening`, opening, key)
export const search = (need: Requirement) => post<Found>('/sharing/search', need)
export const calendar = (id: string, from: string, to: string) => get<Calendar>(`/sharing/capabilities/${id}/calendar`, { from, to })
export const quote = (body: { capability: string; basis: Basis; slots: Window[]; pieces: number }) => post<Quote>('/sharing/quotes', body)
export const holdCreate = (body: { capability: string; slots: Window[] }, key: string) => post<Hold>('/sharing/holds', body, key)
export const holdRelease = (id: string, key: string) => post<Hold>(`/sharing/holds/${id}/release`, {}, key)
export const bookingCreate = (body: { capability: string; basis: Basis; slots: Window[]; hold?: string; pieces: number; part: string }, key: string) =>
  post<Booking>('/sharing/bookings', body, key)
export const bookingList = (query: { asset?: string } = {}) => all<Booking>('/sharing/bookings', query)
export const booking = (id: string) => get<Booking>(`/sharing/bookings/${id}`)
export const bookingCancel = (id: string, key: string) => post<Booking>(`/sharing/bookings/${id}/cancel`, {}, key)
export const bookingAccept = (id: string, key: string) => post<Booking>(`/sharing/bookings/${id}/accept`, {}, key)
export const bookingDispute = (id: string, reason: string, key: string) => post<Booking>(`/sharing/bookings/${id}/dispute`, { reason }, key)
/** Everything when no amount is named. */
export const bookingConcede = (id: string, refund: Money | null, key: string) => post<Booking>(`/sharing/bookings/${id}/concede`, refund ? { refund_net: refund } : {}, key)
export const bookingWithdrawDispute = (id: string, key: string) => post<Booking>(`/sharing/bookings/${id}/withdraw-dispute`, {}, key)
/** What the readings of one of our machines claimed, net, and how much of it is paid; by currency. */
export const earnings = async (asset: string, from: number, to: number) =>
  (await get<{ sums: { claimed: Money; settled: Money }[] }>(`/earnings/${asset}`, { from: new Date(from).toISOString(), to: new Date(to).toISOString() })).sums
export const job = (id: string) => get<Job>(`/sharing/jobs/${id}`)
export const jobStart = (id: string, key: string) => post<unknown>(`/sharing/jobs/${id}/start`, {}, key)
export const jobFinish = (id: string, key: string) => post<unknown>(`/sharing/jobs/${id}/finish`, {}, key)
