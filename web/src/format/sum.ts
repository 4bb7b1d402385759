import type { Money } from './index'

/** The exact sum of amounts of one currency (the first one's; others are left out rather than mixed). */
export function addMoney(list: Money[]): Money | null {
  const currency = list[0]?.currency
  if (!currency) return null
  const own = list.filter((money) => money.currency === currency)
  const digits = Math.max(...own.map((money) => money.amount.split('.')[1]?.length ?? 0))
  const total = own.reduce((sum, money) => sum + minor(money.amount, digits), 0n)
  return { amount: major(total, digits), currency }
}

export function minor(amount: string, digits: number): bigint {
  const [whole = '0', part = ''] = amount.replace('-', '').split('.')
  const value = BigInt(whole + part.padEnd(digits, '0').slice(0, digits))
  return amount.startsWith('-') ? -value : value
}

export function major(value: bigint, digits: number): string {
  const text = (value < 0n ? -value : value).toString().padStart(digits + 1, '0')
  const whole = text.slice(0, text.length - digits)
  return `${value < 0n ? '-' : ''}${whole}${digits ? `.${text.slice(-digits)}` : ''}`
}

export function subtract(a: Money, b: Money): Money {
  const digits = Math.max(a.amount.split('.')[1]?.length ?? 0, b.amount.split('.')[1]?.length ?? 0)
  return { amount: major(minor(a.amount, digits) - minor(b.amount, digits), digits), currency: a.currency }
}

const digits = new Map<string, number>()

/** Minor units (fen, cents) to decimal text, by the digits that ISO 4217 gives the currency. */
export function fromMinor(minor: number, currency: string): Money {
  let places = digits.get(currency)
  if (places === undefined) {
    places = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
    digits.set(currency, places)
  }
  return { amount: major(BigInt(minor), places), currency }
}
