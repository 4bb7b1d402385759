// Alarms and the rules that raise them.

import { all, post, put, remove } from './http'

export interface Mark {
  by: string
  reason: string
  at: string
}

export interface Alarm {
  id: string
  rule: string
  asset: string
  asset_code: string
  asset_name: string
  name: string
  message: { zh: string; en: string }
  /** 1 urgent, 2 high, 3 medium, 4 low. */
  priority: number
  state: 'normal' | 'unacknowledged_active' | 'acknowledged_active' | 'returned_unacknowledged' | 'latched_unacknowledged' | 'latched_acknowledged'
  active: boolean
  wants_acknowledgement: boolean
  /** Whether it should be shown and heard now: not shelved, suppressed or out of service. */
  annunciated: boolean
  closed: boolean
  raised_at: string
  returned_at?: string
  occurrences: number
  acknowledged?: Mark
  shelved?: Mark
  shelved_until?: string
  out_of_service?: Mark
}

/** Message of the live topic `alarms`. */
export interface LiveAlarms {
  at: number
  open: number
  unacknowledged: number
  shelved: number
  items: Alarm[]
}

export type Clear = 'when_over' | { deadband: string } | { when: string }

export interface RuleText {
  raise: string
  clear: Clear
  on_delay_ms: number
  off_delay_ms: number
  priority: number
  message: { zh: string; en: string }
  latching: boolean
}

export interface Rule {
  id: string
  name: string
  /** The machine it watches; or else a whole thing model. */
  asset?: string
  thing_model?: string
  rule: RuleText
  enabled: boolean
  version: number
  updated_at: string
}

export interface RuleTarget {
  asset?: string
  thing_model?: string
}

export interface Check {
  ok: boolean
  problems: {
    /** JSON pointer to the field of the rule, such as `/raise`. */
    pointer: string
    code: string
    /** Bytes of the field's text, half open. */
    from?: number
    to?: number
    message: string
    hint?: string
  }[]
  properties: string[]
}

export interface Preview {
  from: number
  to: number
  raised: number
  samples: number
  occurrences: { raised: number | null; returned: number | null }[]
}

export const isShelved = (alarm: Alarm) => alarm.shelved !== undefined

/** Those that are not over. */
export const alarmOpen = () => all<Alarm>('/alarms', {}, 1000)
/** Of one machine, also those that are over. */
export const alarmsOf = (asset: string) => all<Alarm>('/alarms', { asset, closed: true }, 500)
/** The newest of all, also those that are over. */
export const alarmHistory = () => all<Alarm>('/alarms', { closed: true }, 500)

export const alarmAcknowledge = (id: string, comment: string, key: string) => post<Alarm>(`/alarms/${id}/acknowledge`, { comment }, key)
export const alarmShelve = (id: string, minutes: number, reason: string, key: string) => post<Alarm>(`/alarms/${id}/shelve`, { minutes, reason }, key)
export const alarmUnshelve = (id: string, key: string) => post<Alarm>(`/alarms/${id}/unshelve`, {}, key)
export const alarmReset = (id: string, key: string) => post<Alarm>(`/alarms/${id}/reset`, {}, key)

export const ruleList = () => all<Rule>('/alarm-rules')
export const ruleCreate = (body: RuleTarget & { name: string; rule: RuleText; enabled: boolean }, key: string) => post<Rule>('/alarm-rules', body, key)
export const ruleChange = (id: string, body: { name: string; rule: RuleText; enabled: boolean }, key: string) => put<Rule>(`/alarm-rules/${id}`, body, key)
export const ruleRemove = (id: string, key: string) => remove<unknown>(`/alarm-rules/${id}`, key)
export const ruleCheck = (body: RuleTarget & { rule: RuleText }) => post<Check>('/alarm-rules/check', body)
export const rulePreview = (asset: string, rule: RuleText, hours: number) => post<Preview>('/alarm-rules/preview', { asset, rule, hours })
