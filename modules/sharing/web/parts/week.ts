// Opening hours as days and hours of the shop, instead of minutes of the week.

import type { Opening } from '../api'

export interface Stretch {
  day: number
  from: number
  to: number
}

const DAY = 1440

/** Minutes of the week cut at midnights: one stretch per day. */
export function stretches(opening: Opening): Stretch[] {
  const list: Stretch[] = []
  for (const [start, end] of opening.minutes) {
    for (let at = start; at < end; ) {
      const day = Math.floor(at / DAY)
      const to = Math.min(end, (day + 1) * DAY)
      list.push({ day, from: at - day * DAY, to: to - day * DAY })
      at = to
    }
  }
  return list
}

/** Back to minutes of the week, sorted, touching stretches joined. */
export function minutes(list: Stretch[]): [number, number][] {
  const sorted = list
    .filter((one) => one.to > one.from)
    .map((one): [number, number] => [one.day * DAY + one.from, one.day * DAY + one.to])
    .sort((a, b) => a[0] - b[0])
  const out: [number, number][] = []
  for (const [from, to] of sorted) {
    const last = out.at(-1)
    if (last && last[1] >= from) last[1] = Math.max(last[1], to)
    else out.push([from, to])
  }
  return out
}

export const clock = (minute: number) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`

export function ofClock(text: string): number | null {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text.trim())
  if (!found) return null
  const minute = Number(found[1]) * 60 + Number(found[2])
  return minute <= DAY && Number(found[2]) < 60 ? minute : null
}
