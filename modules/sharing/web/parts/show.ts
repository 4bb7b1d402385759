// Technical figures the way a workshop writes them.

import { decimal, money, number, unitSymbol } from '@/format'
import { lang } from '@/i18n/core'
import { t, word } from '../locale'
import type { PriceRule, Terms } from '../api'

export const tolerance = (um: number) => (um < 1000 ? `±${um} µm` : `±${number(um / 1000)} mm`)
export const roughness = (nm: number) => `Ra ${number(nm / 1000)} µm`
export const envelope = (sides: readonly number[]) => `${sides.map((side) => number(side)).join(' × ')} mm`
export const lot = (one: Pick<Terms, 'lot_min' | 'lot_max'>) => `${number(one.lot_min)}–${number(one.lot_max)}`

/** `¥280.00 / 小时`, `每件价值的 5%`. */
export function price(rule: PriceRule): string {
  if (rule.basis === 'value') return t('price.share', { percent: decimal(rule.percent ?? '0'), value: money(rule.unit_price) })
  return `${money(rule.unit_price)} / ${rule.basis === 'time' ? unitSymbol('HUR', lang.value === 'zh') : unitSymbol('H87', lang.value === 'zh')}`
}

/** `metal.aluminium.6061` → its own word, else the last part of the code. */
export function material(code: string): string {
  const known = word('material', code)
  return known === code ? code.split('.').slice(-1)[0]!.toUpperCase() : known
}
