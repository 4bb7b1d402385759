import { describe, expect, it } from 'vitest'
import { decodeChunk, fromBase64 } from '@/api/evidence'
import { drawable } from '@/api/machines'
import type { Trace } from '@/api/record'
import { lineOf } from '@/parts/EvidenceChain.vue'
import { fit, initials } from '@/shell/pinyin'
import { clock, minutes, ofClock, stretches } from '../../modules/sharing/web/parts/week'

const wire = { property: 'power', from: 0, to: 600_000, complete: true, points: [], buckets: [] }

describe('series', () => {
  it('draws few samples as they are and breaks at silence', () => {
    const series = drawable({ ...wire, points: [[1000, 1, 'good'], [2000, 2, 'good'], [400_000, 3, 'good']] }, false)
    expect(series.y).toEqual([1, 2, null, 3])
    expect(series.t).toEqual([1000, 2000, 2001, 400_000])
  })
  it('draws many as mean with extremes, counters as last value', () => {
    const buckets: [number, number, number, number, number, number, number][] = [[0, 5, 1, 9, 4, 2, 8], [1000, 5, 2, 8, 5, 3, 7]]
    const mean = drawable({ ...wire, period_ms: 1000, buckets }, false)
    expect([mean.y, mean.low, mean.high, mean.t]).toEqual([[4, 5], [1, 2], [9, 8], [500, 1500]])
    const counter = drawable({ ...wire, period_ms: 1000, buckets }, true)
    expect([counter.y, counter.t]).toEqual([[8, 7], [1000, 2000]])
  })
  it('breaks where periods are missing', () => {
    const series = drawable({ ...wire, period_ms: 60_000, buckets: [[0, 1, 1, 1, 1, 1, 1], [300_000, 1, 2, 2, 2, 2, 2]] }, false)
    expect(series.y).toEqual([1, null, 2])
  })
  it('never runs backwards in time', () => {
    const series = drawable({ ...wire, before: [-500, 7, 'good'], points: [[0, 1, 'good'], [0, 2, 'good'], [10, 3, 'good']] }, true)
    for (let index = 1; index < series.t.length; index++) expect(series.t[index]!).toBeGreaterThan(series.t[index - 1]!)
  })
})

describe('a chunk of evidence', () => {
  it('is read byte for byte', () => {
    const name = 'run_state'
    const bytes = new Uint8Array(20 + 1 + name.length + 1 + 8 + 4 + 34 * 2)
    const view = new DataView(bytes.buffer)
    bytes.set(new TextEncoder().encode('BGS1'), 0)
    bytes[20] = name.length
    bytes.set(new TextEncoder().encode(name), 21)
    let at = 21 + name.length
    bytes[at] = 2
    view.setUint32(at + 9, 2, true)
    at += 13
    for (const [time, quality, value] of [[1_767_225_600_000_000n, 0, 2n], [1_767_225_601_500_000n, 2, 3n]] as const) {
      view.setBigInt64(at, time, true)
      bytes[at + 24] = quality
      bytes[at + 25] = 2
      view.setBigInt64(at + 26, value, true)
      at += 34
    }
    const chunk = decodeChunk(fromBase64(btoa(String.fromCharCode(...bytes))))
    expect(chunk).toEqual({
      property: name,
      samples: [
        { at: 1_767_225_600_000, value: 2, quality: 0 },
        { at: 1_767_225_601_500, value: 3, quality: 2 },
      ],
    })
    expect(() => decodeChunk(new Uint8Array(40))).toThrow()
  })
})

describe('the line through a trace', () => {
  const money = { amount: '10.00', currency: 'CNY' }
  it('goes down from a payment', () => {
    const trace: Trace = {
      root: { kind: 'transfer', id: 'trf_1', amount: money, children: [{ kind: 'invoice', id: 'inv_1', children: [{ kind: 'claim', id: 'clm_1' }, { kind: 'claim', id: 'clm_2', children: [{ kind: 'reading', id: 'rdg_1' }] }] }] },
      used_by: [],
    }
    expect(lineOf(trace)).toMatchObject({ transfer: { id: 'trf_1' }, invoice: { id: 'inv_1' }, reading: { id: 'rdg_1' } })
  })
  it('goes up from a reading to the payment itself, past bookings of what is owed', () => {
    const trace: Trace = {
      root: { kind: 'reading', id: 'rdg_1', children: [{ kind: 'evidence' }, { kind: 'evidence', id: 'ni:///x' }] },
      used_by: [{ kind: 'invoice', id: 'inv_1' }, { kind: 'transfer', id: 'trf_9', title: 'invoice' }, { kind: 'transfer', id: 'trf_1', title: 'escrow_release' }],
    }
    expect(lineOf(trace)).toMatchObject({ transfer: { id: 'trf_1' }, evidence: { id: 'ni:///x' } })
  })
})

describe('pinyin initials', () => {
  it('find Chinese names as people type them', () => {
    expect(initials('设备详情')).toBe('sbxq')
    expect(fit('sbjr', '设备接入')).toBeGreaterThan(50)
    expect(fit('led', '账本', 'Ledger')).toBe(100)
    expect(fit('zzz', '账本', 'Ledger')).toBe(0)
  })
})

describe('opening hours', () => {
  it('are cut at midnight and put together again', () => {
    const night: [number, number][] = [[480, 720], [780, 1080], [2 * 1440 + 1200, 3 * 1440 + 360]]
    const days = stretches({ utc_offset_min: 480, minutes: night })
    expect(days).toHaveLength(4)
    expect(minutes(days)).toEqual(night)
  })
  it('refuse what is not a time', () => {
    expect(ofClock('08:30')).toBe(510)
    expect(ofClock('24:00')).toBe(1440)
    expect(ofClock('24:01')).toBeNull()
    expect(ofClock('8.30')).toBeNull()
    expect(clock(1440)).toBe('24:00')
  })
})
