// Who we are: first setup, signing in and out.

import { call, get, post } from './http'

export interface SetupState {
  /** True until somebody has an account. */
  needed: boolean
  demo: boolean
}

export interface Setup {
  code: string
  organisation_name: string
  organisation_name_en?: string
  name: string
  login: string
  password: string
  language: 'zh' | 'en'
}

export interface Session {
  user: { id: string; name: string; login: string }
  organisation: { id: string; name_zh: string; name_en: string }
  roles: string[]
  language: string
  demo: boolean
}

export interface OpenSession {
  id: string
  created_at: string
  seen_at: string
}

export const setupState = () => get<SetupState>('/setup/state')
export const setup = (body: Setup) => post<{ organisation: string; user: string }>('/setup', body)
export const session = () => get<Session>('/session')
export const signIn = (login: string, password: string) => post<Session>('/session', { login, password })
export const signOut = () => call<void>('DELETE', '/session')
export const sessionList = () => get<OpenSession[]>('/sessions')
export const sessionEnd = (id: string) => call<void>('DELETE', `/sessions/${id}`)
