// Shared manufacturing on the wire.

import type { Money, Quantity } from '@/format'
import { all, get, post, put } from '@/api/http'
import type { Window } from '@/api/record'

/** A node of the three-level catalogue; the code's parts are its levels. */
export interface Class {
  code: string
  zh: string
  en: string
}

export type Basis = 'time' | 'value' | 'pieces'

export interface PriceRule {
  basis: Basis
  /** Net per hour or per good piece; for `value` the declared value of one good piece. */
  unit_price: Money
  /** For `value` only. */
  percent: string | null
  minimum: Money
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

export interface CapabilityBody {
  asset: string
  title: string
  class: string
  materials: string[]
  envelope_mm: [number, number, number]
  tolerance_um: number
  roughness_nm: number
  lot_min: number
  lot_max: number
  certificates: Certificate[]
  place: { lat_e6: number; lon_e6: number }
  prices: PriceRule[]
  setup: Money
  tax_percent: string
  pieces_per_hour: string
}

export interface Capability extends CapabilityBody {
  id: string
  provider: string
  machine?: { name: string; code: string; state: string } | null
  assurance: Assurance | null
  state: 'draft' | 'published' | 'assured' | 'lapsed' | 'withdrawn'
}

export interface Requirement {
  class: string
  material: string | null
  part_mm: [number, number, number] | null
  tolerance_um: number | null
  roughness_nm: number | null
  lot: number
  certificates: string[]
  assured_only: boolean
  window: Window | null
  place: { lat_e6: number; lon_e6: number } | null
}

export interface Score {
  price: number
  distance: number
  availability: number
  quality: number
  total: number
}

export interface Match {
  capability: Capability
  score: Score
  price: Money
  basis: Basis
  distance_km: number | null
  earliest: string | null
}

export interface Rejection {
  capability: Capability
  constraint: string
  needed: string
  offered: string
}

export interface Found {
  matches: Match[]
  rejected: Rejection[]
}

export interface Calendar {
  window: Window
  free: Window[]
  reserved: Window[]
}

export interface Quote {
  basis: Basis
  net: Money
  tax: Money
  gross: Money
  quantity: Quantity
  unit_price: string
  setup: Money
}

export interface Hold {
  id: string
  capability: string
  slots: Window[]
  expires_at: string
}

export interface Booking {
  id: string
  capability: string
  title: string
  asset: string
  provider: string
  buyer: string
  agreement: string
  escrow: string
  part: string
  price: PriceRule
  setup: Money
  tax_percent: string
  slots: Window[]
  pieces: number
  most: { net: Money; tax: Money; gross: Money }
  state: 'booked' | 'running' | 'finished' | 'invoiced' | 'settled' | 'disputed' | 'cancelled'
  job: string | null
  invoice: string | null
  dispute: string | null
  created_at: string
}

export interface Job {
  id: string
  booking: string
  asset: string
  provider: string
  buyer: string
  state: string
  started_at: string | null
  finished_at: string | null
  /** What the meter says so far; provisional until the readings are sealed. */
  time: Quantity
  pieces: Quantity
  cost: { net: Money; tax: Money; gross: Money }
  reading_time: string | null
  reading_pieces: string | null
  invoice: string | null
}

export const classList = () => get<Class[]>('/sharing/classes')
export const capabilityList = () => all<Capability>('/sharing/capabilities')
export const capability = (id: string) => get<Capability>(`/sharing/capabilities/${id}`)
export const capabilityCreate = (body: CapabilityBody, key: string) => post<Capability>('/sharing/capabilities', body, key)
export const capabilityChange = (id: string, body: CapabilityBody, key: string) => put<Capability>(`/sharing/capabilities/${id}`, body, key)
export const capabilityPublish = (id: string, key: string) => post<Capability>(`/sharing/capabilities/${id}/publish`, {}, key)
export const capabilityWithdraw = (id: string, key: string) => post<Capability>(`/sharing/capabilities/${id}/withdraw`, {}, key)
export const search = (body: Requirement) => post<Found>('/sharing/search', body)
export const calendar = (id: string, from: string, to: string) => get<Calendar>(`/sharing/capabilities/${id}/calendar`, { from, to })
export const quote = (body: { capability: string; slots: Window[]; pieces: number }) => post<Quote[]>('/sharing/quotes', body)
export const holdCreate = (body: { capability: string; slots: Window[] }, key: string) => post<Hold>('/sharing/holds', body, key)
export const bookingCreate = (body: { capability: string; hold: string | null; slots: Window[]; basis: Basis; pieces: number; part: string }, key: string) =>
  post<Booking>('/sharing/bookings', body, key)
export const bookingList = () => all<Booking>('/sharing/bookings')
export const booking = (id: string) => get<Booking>(`/sharing/bookings/${id}`)
export const bookingCancel = (id: string, key: string) => post<Booking>(`/sharing/bookings/${id}/cancel`, {}, key)
export const bookingDispute = (id: string, reason: string, key: string) => post<Booking>(`/sharing/bookings/${id}/dispute`, { reason }, key)
export const job = (id: string) => get<Job>(`/sharing/jobs/${id}`)
export const jobStart = (id: string, key: string) => post<Job>(`/sharing/jobs/${id}/start`, {}, key)
export const jobFinish = (id: string, key: string) => post<Job>(`/sharing/jobs/${id}/finish`, {}, key)
