import { beforeEach, describe, expect, it } from 'vitest'
import { decimal, duration, money, number, percent, quantity, relative, short, span } from '@/format'
import { addMoney, fromMinor, minor, subtract } from '@/format/sum'
import { unitSymbol } from '@/format/units'
import { setLang } from '@/i18n/core'

beforeEach(() => setLang('en'))

describe('money', () => {
  it('keeps every digit of amounts that a float cannot hold', () => {
    expect(money({ amount: '90071992547409931.27', currency: 'CNY' })).toContain('90,071,992,547,409,931.27')
  })
  it('follows the digits of the currency', () => {
    expect(money({ amount: '1200', currency: 'JPY' })).toMatch(/1,200$/)
    expect(money({ amount: '12.5', currency: 'CNY' })).toMatch(/12\.50$/)
  })
  it('shows a dash for nothing and never NaN', () => {
    expect(money(null)).toBe('–')
    expect(money({ amount: 'abc', currency: 'CNY' })).toBe('abc CNY')
  })
  it('signs movements when asked', () => {
    expect(money({ amount: '-3.00', currency: 'CNY' }, { sign: true })).toMatch(/^-/)
    expect(money({ amount: '3.00', currency: 'CNY' }, { sign: true })).toMatch(/^\+/)
  })
})

describe('sums', () => {
  it('adds exactly and does not mix currencies', () => {
    expect(addMoney(Array.from({ length: 10 }, () => ({ amount: '0.10', currency: 'CNY' })))).toEqual({ amount: '1.00', currency: 'CNY' })
    expect(addMoney([{ amount: '1.00', currency: 'CNY' }, { amount: '5.00', currency: 'EUR' }])).toEqual({ amount: '1.00', currency: 'CNY' })
    expect(addMoney([])).toBeNull()
  })
  it('turns minor units into decimals by ISO 4217', () => {
    expect(fromMinor(-115268, 'CNY')).toEqual({ amount: '-1152.68', currency: 'CNY' })
    expect(fromMinor(5, 'CNY').amount).toBe('0.05')
    expect(fromMinor(1200, 'JPY').amount).toBe('1200')
    expect(fromMinor(1234, 'KWD').amount).toBe('1.234')
  })
  it('subtracts across different numbers of digits', () => {
    expect(subtract({ amount: '1.5', currency: 'CNY' }, { amount: '2.25', currency: 'CNY' }).amount).toBe('-0.75')
    expect(minor('-0.07', 2)).toBe(-7n)
  })
})

describe('quantities and numbers', () => {
  it('keeps the digits of a decimal', () => {
    expect(decimal('4.1100')).toBe('4.1100')
    expect(decimal('1234567.1')).toBe('1,234,567.1')
    expect(decimal('n/a')).toBe('n/a')
  })
  it('writes units the way people do, in both languages', async () => {
    expect(quantity({ value: '4.25', unit: 'HUR' })).toBe('4.25 h')
    expect(quantity({ value: '99.5', unit: 'P1' })).toBe('99.5%')
    await setLang('zh')
    expect(quantity({ value: '118', unit: 'H87' })).toBe('118 件')
    expect(unitSymbol('XYZ')).toBe('XYZ')
  })
  it('gives a dash for what was not measured', () => {
    expect(number(undefined)).toBe('–')
    expect(number(Number.NaN)).toBe('–')
    expect(percent(null)).toBe('–')
  })
})

describe('times', () => {
  it('says how long and how long ago', async () => {
    expect(duration(7_500_000)).toBe('2 h 05 min')
    expect(relative(Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 3))).toBe('3 hours ago')
    await setLang('zh')
    expect(duration(45_000)).toBe('45 秒')
  })
  it('says the day once', () => {
    expect(span(new Date(2026, 0, 5, 8), new Date(2026, 0, 5, 17)).match(/2026/g)).toHaveLength(1)
    expect(span(new Date(2026, 0, 5, 8), new Date(2026, 0, 6, 8)).match(/2026/g)).toHaveLength(2)
  })
  it('shortens ids in the middle', () => {
    expect(short('ast_0123456789abcdef')).toBe('ast_0123…abcdef')
    expect(short('ast_01')).toBe('ast_01')
  })
})
