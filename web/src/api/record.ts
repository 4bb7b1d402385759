// The shared record: readings with evidence, invoices, the ledger, cases. Amounts and quantities stay decimal text.

import type { Money, Quantity } from '@/format'
import { all, get, post } from './http'

export interface Window {
  from: string
  to: string
}

export interface Gap {
  from: string
  to: string
  reason: string
}

export interface Reading {
  id: string
  meter: string
  asset: string
  asset_name?: string
  agreement: string | null
  window: Window
  /** Name and version, such as `time_in_state@1`. */
  rule: string
  property: string
  rule_parameters: Record<string, unknown>
  opening: string | null
  closing: string | null
  quantity: Quantity
  coverage: string
  gaps: Gap[]
  incidents: { kind: string; at: string; detail?: string }[]
  evidence: string
  digest: string | null
  state: string
  supersedes: string | null
  superseded_by?: string | null
  computed_at: string
  sealed_at: string | null
}

export interface Recomputed {
  identical: boolean
  quantity: Quantity
  coverage: string
  samples: number
  evidence_ok: boolean
  statement_ok: boolean
  differences: string[]
}

export interface Evidence {
  uri: string
  asset: string
  window: Window
  sample_count: number
  channels: { property: string; unit: string | null }[]
  chunks: { from: string; to: string; samples: number; sha256: string }[]
  merkle_root: string
}

export interface InvoiceLine {
  claim: string
  cause_kind?: string
  cause: string
  description: string
  quantity: Quantity
  unit_price: string
  adjustment: Money
  net: Money
  tax_percent: string
}

export interface Invoice {
  id: string
  number: string
  kind: 'invoice' | 'credit_note'
  agreement: string
  seller: string
  buyer: string
  corrects: string | null
  lines: InvoiceLine[]
  totals: { net: Money; taxes: { percent: string; taxable: Money; tax: Money }[]; tax: Money; gross: Money; prepaid: Money; rounding: Money; payable: Money }
  settled: Money
  issued_at: string
  due_at: string
  state: string
}

export interface Account {
  id: string
  party: string
  purpose: string
  reference: string
  currency: string
  balance: Money
  pending_in: Money
  pending_out: Money
  frozen_by: string | null
}

export interface Transfer {
  id: string
  group: string
  kind: string
  debit: AccountRef
  credit: AccountRef
  amount: Money
  reason: string
  cause: string
  pending: string | null
  recorded_at: string
  expires_at: string | null
}

export interface AccountRef {
  id: string
  purpose: string
  party: string
}

/** The lineage of a sum of money, from the payment down to the samples. */
export interface Trace {
  transfer: Transfer | null
  claim: { id: string; description: string; net: Money; state: string } | null
  invoice: { id: string; number: string; gross: Money; state: string } | null
  reading: { id: string; quantity: Quantity; window: Window; property: string; state: string } | null
  evidence: { uri: string; samples: number } | null
  machine: { id: string; name: string; code: string } | null
  job: { id: string; booking: string } | null
}

export interface TrialLine {
  party: string
  purpose: string
  currency: string
  debits: Money
  credits: Money
  net: Money
}

export interface TrialBalance {
  lines: TrialLine[]
  totals: { currency: string; debits: Money; credits: Money; balanced: boolean }[]
}

export interface Case {
  id: string
  kind: string
  state: string
  title: string
  subjects: string[]
  opened_by: string
  opened_at: string
  deadline_at: string | null
  default_outcome: string | null
  outcome: string | null
  decision: string | null
  notes: { at: string; by: string; text: string }[]
  freezes: string[]
}

export interface Agreement {
  id: string
  title: string
  provider: string
  receiver: string
  state: string
  clauses: Record<string, unknown>[]
}

export interface HistoryLine {
  seq: number
  recorded_at: string
  actor: string
  kind: string
}

export const readingList = () => all<Reading>('/readings', {}, 1000)
export const reading = (id: string) => get<Reading>(`/readings/${id}`)
export const readingRecompute = (id: string, key: string) => post<Recomputed>(`/readings/${id}/recompute`, {}, key)
export const evidence = (uri: string) => get<Evidence>(`/evidence/${encodeURIComponent(uri)}`)
export const invoiceList = () => all<Invoice>('/invoices', {}, 1000)
export const invoice = (id: string) => get<Invoice>(`/invoices/${id}`)
export const accountList = () => all<Account>('/accounts')
export const transfersOf = (account: string) => all<Transfer>(`/accounts/${account}/transfers`, {}, 1000)
export const transfer = (id: string) => get<Transfer>(`/transfers/${id}`)
export const trace = (id: string) => get<Trace>(`/trace/${id}`)
export const trialBalance = () => get<TrialBalance>('/trial-balance')
export const caseList = () => all<Case>('/cases')
export const oneCase = (id: string) => get<Case>(`/cases/${id}`)
export const agreement = (id: string) => get<Agreement>(`/agreements/${id}`)
export const history = (id: string) => get<HistoryLine[]>(`/history/${id}`)
