// The session of this tab. Pages read `me`; the router decides by it.

import { computed, shallowRef } from 'vue'
import { QueryClient } from '@tanstack/vue-query'
import * as api from './api/session'
import { Problem } from './api/http'
import { listen, startLive, stopLive, type Change } from './live/socket'

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: false,
      // A refusal stays a refusal; only silence and server faults are asked again.
      retry: (count, error) => count < 2 && error instanceof Problem && (error.status === 0 || error.status >= 500),
    },
  },
})

export const me = shallowRef<api.Session | null>(null)

export type Right = 'view' | 'operate' | 'trade' | 'finance' | 'administer'

const RIGHTS: Record<string, Right[]> = {
  admin: ['view', 'operate', 'trade', 'finance', 'administer'],
  operator: ['view', 'operate'],
  trader: ['view', 'trade'],
  finance: ['view', 'finance'],
  viewer: ['view'],
}

/** Whether the role permits it; the server decides again, always. */
export const may = computed(() => {
  const rights = new Set((me.value?.roles ?? []).flatMap((role) => RIGHTS[role] ?? []))
  return (right: Right) => rights.has(right)
})

let known: Promise<api.Session | null> | null = null
let stopChanges: (() => void) | undefined

/** Asks once who we are. */
export function whoAmI(): Promise<api.Session | null> {
  known ??= api.session().then(enter, (error: unknown) => {
    if (error instanceof Problem && (error.status === 401 || error.status === 403)) return null
    known = null
    throw error
  })
  return known
}

export function enter(session: api.Session): api.Session {
  me.value = session
  known = Promise.resolve(session)
  startLive()
  stopChanges?.()
  stopChanges = listen('changes', (data) => refresh(data as Change[]))
  return session
}

export async function signIn(login: string, password: string): Promise<void> {
  enter(await api.signIn(login, password))
}

export async function signOut(): Promise<void> {
  try {
    await api.signOut()
  } finally {
    forget()
  }
}

export function forget(): void {
  me.value = null
  known = Promise.resolve(null)
  stopChanges?.()
  stopLive()
  queries.clear()
}

// "Object X changed" from the server: lists are fetched again by the noun in the event's name (`record.invoice.issued` → invoice).
const waiting = new Set<string>()
let flush: ReturnType<typeof setTimeout> | undefined

function refresh(changes: Change[]): void {
  for (const change of changes ?? []) {
    const noun = change.kind.split('.')[1]
    if (noun) waiting.add(noun)
    waiting.add(change.subject)
  }
  flush ??= setTimeout(() => {
    flush = undefined
    const touched = new Set(waiting)
    waiting.clear()
    void queries.invalidateQueries({ predicate: (query) => query.queryKey.some((part) => typeof part === 'string' && touched.has(part)) })
  }, 400)
}
