// The map: eight entries, of which only those with pages are shown.

import { computed } from 'vue'
import { t, type Key } from '@/i18n'
import { zh } from '@/i18n/zh'
import { en } from '@/i18n/en'
import { rooms, type Entry, type RoomLink } from '@/rooms'
import type { IconName } from '@/ui/Icon.vue'

const link = (entry: Entry, order: number, route: string, key: Key): RoomLink => ({
  entry,
  order,
  route,
  title: () => t(key),
  names: { zh: zh[key], en: en[key] },
})

const own: RoomLink[] = [
  link('home', 0, 'home', 'nav.park'),
  link('plant', 0, 'machines', 'nav.machines'),
  link('plant', 1, 'trend', 'nav.trend'),
  link('plant', 2, 'alarms', 'nav.alarms'),
  link('plant', 3, 'alarm-rules', 'nav.alarm-rules'),
  link('plant', 4, 'connections', 'nav.connections'),
  link('finance', 0, 'ledger', 'nav.ledger'),
  link('finance', 1, 'invoices', 'nav.invoices'),
  link('finance', 2, 'readings', 'nav.readings'),
  link('finance', 3, 'cases', 'nav.cases'),
]

export const links: RoomLink[] = [...own, ...rooms.flatMap((room) => room.links)]

/** Below the eight: access and the person. */
export const lower: RoomLink[] = [link('home', 0, 'grants', 'nav.grants'), link('home', 1, 'settings', 'nav.settings')]

const ENTRIES: { id: Entry; icon: IconName }[] = [
  { id: 'home', icon: 'home' },
  { id: 'plant', icon: 'plant' },
  { id: 'production', icon: 'production' },
  { id: 'network', icon: 'network' },
  { id: 'market', icon: 'market' },
  { id: 'service', icon: 'service' },
  { id: 'finance', icon: 'finance' },
  { id: 'build', icon: 'build' },
]

export const entries = computed(() =>
  ENTRIES.map((entry) => ({
    ...entry,
    title: t(`entry.${entry.id}`),
    links: links.filter((link) => link.entry === entry.id).sort((a, b) => a.order - b.order),
  })).filter((entry) => entry.links.length > 0),
)
