// What connects machines: devices, and what could not be stored.

import { all, get, post, put } from './http'

export interface Mapping {
  metric: string
  asset: string
  property: string
  /** UN/ECE Rec 20 code of the unit the metric comes in; the property's own when absent. */
  unit?: string
  /** Raw value × factor + bias = value in `unit`. */
  factor: string
  bias: string
}

export interface Register {
  metric: string
  table: string
  address: number
  format: string
}

export interface ModbusPoll {
  address: string
  unit_id: number
  interval_ms: number
  registers: Register[]
}

export interface DeviceBody {
  name: string
  metrics: Mapping[]
  poll: ModbusPoll | null
  enabled: boolean
}

export interface Device extends DeviceBody {
  id: string
  /** Null when nothing is known since the start. */
  online: boolean | null
  online_since: string | null
  created_at: string
  rotated_at: string
  /** In the answer that made it and never again. */
  token?: string
}

export interface Quarantined {
  id: string
  device: string | null
  door: string
  code: string
  detail: string
  metric: string | null
  value: unknown
  source_time: string | null
  received_at: string
  excerpt: string
}

export const TABLES = ['input_register', 'holding_register', 'discrete_input', 'coil']
export const FORMATS = ['u16', 'i16', 'u32', 'i32', 'u64', 'f32', 'f32_swapped', 'u32_swapped', 'bool']

export const deviceList = () => all<Device>('/devices')
export const device = (id: string) => get<Device>(`/devices/${id}`)
export const deviceCreate = (body: DeviceBody, key: string) => post<Device>('/devices', body, key)
export const deviceConfigure = (id: string, body: DeviceBody, key: string) => put<Device>(`/devices/${id}`, body, key)
export const deviceRotate = (id: string, key: string) => post<Device>(`/devices/${id}/rotate`, {}, key)
export const deviceEnable = (id: string, enabled: boolean, key: string) => post<Device>(`/devices/${id}/${enabled ? 'enable' : 'disable'}`, {}, key)
export const quarantineList = (device?: string) => all<Quarantined>('/quarantine', { device }, 500)
