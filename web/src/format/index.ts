// Numbers, money, quantities and times for people. Amounts stay decimal text from the wire to `Intl`: nothing billed passes
// through a floating-point number.

import { lang, locale } from '@/i18n/core'
import { unitSymbol } from './units'

export { unitSymbol } from './units'

export interface Money {
  amount: string
  currency: string
}

export interface Quantity {
  value: string
  unit: string
}

const cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>()

function cached<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(key: string, make: () => T): T {
  const full = `${lang.value} ${key}`
  let found = cache.get(full) as T | undefined
  if (!found) cache.set(full, (found = make()))
  return found
}

// `Intl.NumberFormat.format` takes decimal text exactly; TypeScript knows the type only as a template.
const exact = (text: string) => text as unknown as Intl.StringNumericLiteral

const isDecimal = (text: string) => /^-?\d+(\.\d+)?$/.test(text)

/** `{amount: "1234.50", currency: "CNY"}` → `¥1,234.50`. */
export function money(value: Money | null | undefined, options: { sign?: boolean } = {}): string {
  if (!value) return '–'
  if (!isDecimal(value.amount)) return `${value.amount} ${value.currency}`
  const format = cached(`money ${value.currency} ${options.sign ?? false}`, () =>
    new Intl.NumberFormat(locale(), {
      style: 'currency',
      currency: value.currency,
      currencyDisplay: 'narrowSymbol',
      signDisplay: options.sign ? 'exceptZero' : 'auto',
    }),
  )
  return format.format(exact(value.amount))
}

/** Decimal text with thousands separators, digit for digit. */
export function decimal(text: string): string {
  if (!isDecimal(text)) return text
  const digits = text.split('.')[1]?.length ?? 0
  return cached(`decimal ${digits}`, () => new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits })).format(
    exact(text),
  )
}

/** `{value: "4.25", unit: "HUR"}` → `4.25 小时`. */
export function quantity(value: Quantity | null | undefined): string {
  if (!value) return '–'
  const unit = unitSymbol(value.unit, lang.value === 'zh')
  return unit === '%' ? `${decimal(value.value)}%` : `${decimal(value.value)} ${unit}`.trim()
}

/** A measured number, with as many digits as help the eye. */
export function number(value: number | null | undefined, digits?: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  const shown = digits ?? (Number.isInteger(value) ? 0 : size >= 1000 ? 0 : size >= 100 ? 1 : 2)
  return cached(`number ${shown}`, () => new Intl.NumberFormat(locale(), { minimumFractionDigits: digits === undefined ? 0 : shown, maximumFractionDigits: shown })).format(
    value,
  )
}

/** A share 0–1 as per cent. */
export function percent(share: number | string | null | undefined, digits = 1): string {
  if (share === null || share === undefined || share === '') return '–'
  return cached(`percent ${digits}`, () => new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: digits })).format(
    Number(share),
  )
}

export type Moment = string | number | Date

const dated = (key: string, at: Moment | null | undefined, options: Intl.DateTimeFormatOptions) => {
  if (at === null || at === undefined || at === '') return '–'
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return '–'
  return cached(key, () => new Intl.DateTimeFormat(locale(), { hourCycle: 'h23', ...options })).format(date)
}

export const dateTime = (at: Moment | null | undefined) =>
  dated('dateTime', at, { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' })
export const dateTimeSeconds = (at: Moment | null | undefined) =>
  dated('dateTimeSeconds', at, { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' })
export const date = (at: Moment | null | undefined) => dated('date', at, { year: 'numeric', month: '2-digit', day: '2-digit' })
export const dayMonth = (at: Moment | null | undefined) => dated('dayMonth', at, { month: '2-digit', day: '2-digit' })
export const weekday = (at: Moment | null | undefined) => dated('weekday', at, { weekday: 'short' })
export const time = (at: Moment | null | undefined) => dated('time', at, { hour: '2-digit', minute: '2-digit' })
export const timeSeconds = (at: Moment | null | undefined) => dated('timeSeconds', at, { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** `from – to`, the day said once when both are on it. */
export function span(from: Moment, to: Moment): string {
  return date(from) === date(to) ? `${dateTime(from)} – ${time(to)}` : `${dateTime(from)} – ${dateTime(to)}`
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
]

/** `3 分钟前`, `in 2 hours`. */
export function relative(at: Moment | null | undefined, now: number = Date.now()): string {
  if (at === null || at === undefined || at === '') return '–'
  const difference = new Date(at).getTime() - now
  if (Number.isNaN(difference)) return '–'
  const format = cached('relative', () => new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }))
  for (const [unit, size] of STEPS) {
    if (Math.abs(difference) >= size || unit === 'second') return format.format(Math.round(difference / size), unit)
  }
  return '–'
}

/** A length of time: `2 小时 05 分`, `45 s`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–'
  const zh = lang.value === 'zh'
  const seconds = Math.round(Math.abs(ms) / 1000)
  const [d, h, m, s] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  if (d > 0) return zh ? `${d} 天 ${h} 小时` : `${d} d ${h} h`
  if (h > 0) return zh ? `${h} 小时 ${two(m)} 分` : `${h} h ${two(m)} min`
  if (m > 0) return zh ? `${m} 分 ${two(s)} 秒` : `${m} min ${two(s)} s`
  return zh ? `${s} 秒` : `${s} s`
}

/** An id or a hash, shortened in the middle; the whole is what gets copied. */
export function short(id: string | null | undefined, head = 8, tail = 6): string {
  if (!id) return '–'
  return id.length <= head + tail + 1 ? id : `${id.slice(0, head)}…${id.slice(-tail)}`
}
