// The map: eight entries, of which only those with pages are shown. Names stand in both languages, because the palette
// searches in both whatever the page speaks.

import { computed } from 'vue'
import { either, t } from '@/i18n'
import { rooms, type Entry, type RoomLink } from '@/rooms'
import type { IconName } from '@/ui/Icon.vue'

const link = (entry: Entry, order: number, route: string, zh: string, en: string): RoomLink => ({ entry, order, route, names: { zh, en } })

const own: RoomLink[] = [
  link('home', 0, 'home', '园区总览', 'Overview'),
  link('plant', 0, 'machines', '设备', 'Machines'),
  link('plant', 1, 'trend', '趋势台', 'Trends'),
  link('plant', 2, 'alarms', '告警台', 'Alarms'),
  link('plant', 3, 'alarm-rules', '告警规则', 'Alarm rules'),
  link('plant', 4, 'connections', '设备接入', 'Connections'),
  link('finance', 0, 'ledger', '账本', 'Ledger'),
  link('finance', 1, 'invoices', '发票', 'Invoices'),
  link('finance', 2, 'readings', '计量单', 'Meter readings'),
  link('finance', 3, 'cases', '争议与案卷', 'Cases'),
]

export const links: RoomLink[] = [...own, ...rooms.flatMap((room) => room.links)]

/** Below the eight: access and the person. */
export const lower: RoomLink[] = [link('home', 0, 'grants', '授权中心', 'Grants'), link('home', 1, 'settings', '设置', 'Settings')]

export const titleOf = (one: RoomLink) => either(one.names.zh, one.names.en)

/** The name of a page of the shell. */
export function pageTitle(route: string): string {
  const found = [...links, ...lower].find((one) => one.route === route)
  return found ? titleOf(found) : route
}

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
    links: links.filter((one) => one.entry === entry.id).sort((a, b) => a.order - b.order),
  })).filter((entry) => entry.links.length > 0),
)
