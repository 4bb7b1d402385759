// The shared record: readings with evidence, invoices, the ledger, cases. Amounts and quantities stay decimal text.

import type { Money, Quantity } from '@/format'
import { fromMinor } from '@/format/sum'
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

/** A sealed statement and what became of it. */
export interface Reading {
  id: string
  meter: string
  asset: string
  agreement: string | null
  window: Window
  /** Name and version under `rule` (such as `time_in_state@1`), then its parameters. */
  rule: { rule: string; property: string; gap_max_ms: number; decimals: number; [parameter: string]: unknown }
  unit: string
  opening: string | null
  closing: string | null
  quantity: string
  coverage: string
  coverage_minimum: string
  gaps: Gap[]
  incidents: { at: string; kind: string; before: string; after: string }[]
  evidence: string
  digest: string
  provider: string
  receiver: string | null
  state: string
  supersedes: string | null
  superseded_by: string | null
  computed_at: string
  sealed_at: string | null
}

export const quantityOf = (reading: Reading): Quantity => ({ value: reading.quantity, unit: reading.unit })

export interface Recomputed {
  /** Whether every digit is identical. */
  identical: boolean
  quantity: string
  samples: number
  differences: string[]
}

export interface Channel {
  property: string
  unit: string | null
  type: string | null
  sample_count: number
  context_before: number
  context_after: number
}

export interface ChunkEntry {
  channel: number
  first: number
  count: number
  from: string
  to: string
  sha256: string
}

/** What a piece of evidence is, without its samples. */
export interface Manifest {
  kind: string
  asset: string
  window: Window
  as_of: string
  channels: Channel[]
  sample_count: number
  chunks: ChunkEntry[]
  merkle_root: string
}

export interface ChunkProof {
  evidence: string
  manifest: Manifest
  index: number
  /** Its bytes, base64. */
  chunk: string
  path: string[]
}

export interface InvoiceLine {
  claim: string
  cause: string
  statement?: string | null
  description: string
  quantity: Quantity
  unit_price: string
  adjustment: Money
  net: Money
  tax_percent: string
}

export interface Totals {
  net: Money
  taxes: { percent: string; taxable: Money; tax: Money }[]
  tax: Money
  gross: Money
  prepaid: Money
  rounding: Money
  payable: Money
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
  totals: Totals
  settled: Money
  issued_at: string
  due_at: string
  state: string
}

export interface PrintedParty {
  id: string
  name_zh: string
  name_en: string
  identifiers: { scheme: string; value: string }[]
}

export interface InvoiceDocument {
  invoice: Invoice
  seller: PrintedParty
  buyer: PrintedParty
  agreement_title: string
  corrects_number: string | null
  open: Money
}

interface Balances {
  debits_pending_minor: number
  debits_posted_minor: number
  credits_pending_minor: number
  credits_posted_minor: number
}

interface WireAccount {
  id: string
  party: string
  currency: string
  purpose: string
  reference: string
  frozen_by: string | null
  balances: Balances
}

export interface Account extends Omit<WireAccount, 'balances'> {
  /** What the account holds, seen from its own side: money at hand, money owed, income. */
  balance: Money
  pending_in: Money
  pending_out: Money
}

interface WireTransfer {
  seq: number
  party: string
  id: string
  group: string
  kind: string
  debit: string
  credit: string
  currency: string
  requested_minor: number
  amount_minor: number
  pending: string | null
  expires_at: string | null
  reason: string
  cause: string
  recorded_at: string
  debit_after: Balances
  credit_after: Balances
  hash: string
}

export interface Transfer extends Omit<WireTransfer, 'amount_minor' | 'requested_minor'> {
  amount: Money
}

/** One record of a trace with what it rests on; without an id it is not for us to see. */
export interface TraceNode {
  kind: 'agreement' | 'transfer' | 'invoice' | 'claim' | 'reading' | 'evidence' | 'samples' | 'machine'
  id?: string
  title?: string
  state?: string
  at?: string
  amount?: Money
  quantity?: Quantity
  window?: Window
  asset?: string
  property?: string
  samples?: number
  linked?: string[]
  children?: TraceNode[]
}

export interface Trace {
  root: TraceNode
  used_by: TraceNode[]
}

export interface TrialLine {
  party: string
  currency: string
  purpose: string
  debits_minor: number
  credits_minor: number
  net: Money
}

export interface TrialBalance {
  lines: TrialLine[]
  /** Per currency; zero in sound books. */
  sums: Money[]
}

export interface Case {
  id: string
  kind: string
  title: string
  subjects: string[]
  agreement: string | null
  opened_by: string
  parties: string[]
  notes: { party: string; by: string; at: string; text: string; cites?: string }[]
  deadline_at: string | null
  default_outcome: string
  outcome: string | null
  state: string
  opened_at: string
  closed_at: string | null
}

export interface HistoryLine {
  seq: number
  recorded_at: string
  actor: string
  kind: string
}

// Income and debts grow on the credit side; everything else on the debit side.
const CREDIT_SIDE = ['revenue', 'payable', 'external', 'reserve', 'tax']

function accountOf({ balances, ...account }: WireAccount): Account {
  const credit = CREDIT_SIDE.includes(account.purpose)
  const net = balances.debits_posted_minor - balances.credits_posted_minor
  const money = (minor: number) => fromMinor(minor, account.currency)
  return {
    ...account,
    balance: money(credit ? -net : net),
    pending_in: money(credit ? balances.credits_pending_minor : balances.debits_pending_minor),
    pending_out: money(credit ? balances.debits_pending_minor : balances.credits_pending_minor),
  }
}

const transferOf = ({ amount_minor, requested_minor: _, ...transfer }: WireTransfer): Transfer => ({ ...transfer, amount: fromMinor(amount_minor, transfer.currency) })

export const readingList = () => all<Reading>('/readings')
export const reading = (id: string) => get<Reading>(`/readings/${id}`)
export const readingRecompute = (id: string) => post<Recomputed>(`/readings/${id}/recompute`)
export const evidence = (uri: string) => get<Manifest>(`/evidence/${encodeURIComponent(uri.replace('ni:///sha-256;', ''))}`)
export const chunkProof = (reading: string, index: number) => get<ChunkProof>(`/readings/${reading}/chunks/${index}`)
export const exportAddress = (reading: string) => `/api/v1/readings/${reading}/export`
export const invoiceList = () => all<Invoice>('/invoices')
export const invoiceDocument = (id: string) => get<InvoiceDocument>(`/invoices/${id}/document`)
export const invoiceSettle = (id: string, from: 'cash' | 'escrow', key: string) => post<Invoice>(`/invoices/${id}/settle`, { from }, key)
/** Records what the bank confirmed; for whoever looks after the installation. */
export const cashConfirm = (body: { party: string; direction: 'in' | 'out'; amount: Money; reference: string }, key: string) => post<unknown>('/cash', body, key)
export const accountList = async () => (await all<WireAccount>('/accounts')).map(accountOf)
export const transferList = async () => (await all<WireTransfer>('/transfers')).map(transferOf)
export const transfersOf = async (account: string) => (await all<WireTransfer>(`/accounts/${account}/transfers`)).map(transferOf)
export const transfer = async (id: string) => transferOf(await get<WireTransfer>(`/transfers/${id}`))
export const trace = (id: string) => get<Trace>(`/trace/${encodeURIComponent(id)}`)
export const trialBalance = () => get<TrialBalance>('/trial-balance')
export const caseList = () => all<Case>('/cases')
export const oneCase = (id: string) => get<Case>(`/cases/${id}`)
export const caseNote = (id: string, text: string, key: string) => post<Case>(`/cases/${id}/notes`, { text }, key)
export const caseDecide = (id: string, outcome: string, text: string, key: string) => post<Case>(`/cases/${id}/decide`, { outcome, text }, key)
export const caseClose = (id: string, key: string) => post<Case>(`/cases/${id}/close`, {}, key)
export const history = (id: string) => get<HistoryLine[]>(`/history/${id}`)
