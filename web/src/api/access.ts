// Who may see what: grants between organisations, users, tokens.

import { call, get, post } from './http'

/** An organisation's public face. */
export interface Organisation {
  id: string
  name_zh: string
  name_en: string
  demo: boolean
  own: boolean
}

export interface Grant {
  id: string
  grantor: string
  grantee: string
  direction: 'given' | 'received'
  /** Kinds of object: `machine`, `reading`, … */
  kinds: string[]
  /** Which ones; empty means all of the kinds. */
  ids: string[]
  /** Which fields; empty means all. */
  fields: string[]
  purpose: string
  not_before: string
  expires_at: string
  revoked_at: string | null
  state: 'waiting' | 'active' | 'expired' | 'revoked'
}

export interface NewGrant {
  grantee: string
  kinds: string[]
  ids: string[]
  fields: string[]
  purpose: string
  expires_at: string
}

/** Who looked at what, in which minute, how often. */
export interface Look {
  grant: string
  subject: string
  object: string
  action: string
  minute: string
  count: number
}

export interface User {
  id: string
  login: string
  name: string
  roles: string[]
  language: string
  active: boolean
}

export interface ApiToken {
  id: string
  name: string
  roles: string[]
  created_at: string
  expires_at: string
}

export const organisationList = () => get<Organisation[]>('/organisations')
export const grantList = () => get<Grant[]>('/grants')
export const grantCreate = (body: NewGrant, key: string) => post<Grant>('/grants', body, key)
export const grantRevoke = (id: string, key: string) => post<Grant>(`/grants/${id}/revoke`, {}, key)
export const accessLog = () => get<Look[]>('/grants/access-log')
export const userList = () => get<User[]>('/users')
export const userCreate = (body: { login: string; name: string; password: string; roles: string[]; language: string }) => post<{ id: string }>('/users', body)
export const userActivate = (id: string, active: boolean) => post<unknown>(`/users/${id}/activation`, { active })
export const tokenList = () => get<ApiToken[]>('/tokens')
/** The secret is in this answer and never again. */
export const tokenCreate = (body: { name: string; roles: string[]; days?: number }) => post<{ id: string; token: string; expires_at: string }>('/tokens', body)
export const tokenRevoke = (id: string) => call<unknown>('DELETE', `/tokens/${id}`)
