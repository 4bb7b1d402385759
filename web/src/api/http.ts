// The one way to the server: JSON in and out, problem details as errors, one key per act.

import { lang } from '@/i18n/core'

export interface FieldProblem {
  pointer: string
  detail: string
}

/** A refusal of the server (RFC 9457), or of the way to it (`status` 0). */
export class Problem extends Error {
  readonly status: number
  /** Stable, `room.noun.problem`. */
  readonly code: string
  readonly hint: string | null
  readonly detail: string | null
  readonly fields: FieldProblem[]

  constructor(status: number, code: string, message: string, more: { hint?: string | null; detail?: string | null; fields?: FieldProblem[] } = {}) {
    super(message)
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.hint = more.hint ?? null
    this.detail = more.detail ?? null
    this.fields = more.fields ?? []
  }

  /** What is wrong with one field of the body, by JSON pointer or its last part. */
  field(name: string): string | undefined {
    return this.fields.find((field) => field.pointer === name || field.pointer.split('/').pop() === name)?.detail
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>

export interface CallOptions {
  query?: Query
  body?: unknown
  /** Idempotency-Key: the same act keeps the same key, however often it is sent. */
  key?: string
  /** Under which purpose of a grant somebody else's data is read. */
  purpose?: string
  signal?: AbortSignal
}

const signedOut = new Set<() => void>()

/** Called when the server no longer knows who we are. */
export function onSignedOut(listener: () => void): void {
  signedOut.add(listener)
}

export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') params.set(name, String(value))
  }
  const text = params.toString()
  return `/api/v1${path}${text ? `?${text}` : ''}`
}

export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = {
    accept: 'application/json, application/problem+json',
    'accept-language': lang.value === 'zh' ? 'zh-CN' : 'en',
  }
  if (options.body !== undefined) headers['content-type'] = 'application/json'
  if (options.key) headers['idempotency-key'] = options.key
  if (options.purpose && options.purpose !== 'any') headers['baigong-purpose'] = options.purpose
  let response: Response
  try {
    response = await fetch(address(path, options.query), {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      credentials: 'same-origin',
      signal: options.signal,
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem(0, 'console.server.unreachable', lang.value === 'zh' ? '连不上服务器' : 'the server cannot be reached', {
      hint: lang.value === 'zh' ? '检查网络，或确认百工还在运行，然后重试' : 'check the network, or that Baigong is running, then try again',
    })
  }
  const text = await response.text()
  if (!response.ok) {
    const problem = problemOf(response.status, text)
    if (response.status === 401 && !path.startsWith('/session')) for (const listener of signedOut) listener()
    throw problem
  }
  return (text ? JSON.parse(text) : undefined) as T
}

/** Reads a problem body; anything else still becomes a problem with a code. */
export function problemOf(status: number, text: string): Problem {
  try {
    const body = JSON.parse(text) as Record<string, unknown>
    const code = typeof body.code === 'string' ? body.code : 'console.answer.unreadable'
    const title = typeof body.title === 'string' && body.title ? body.title : String(body.detail ?? `HTTP ${status}`)
    return new Problem(status, code, title, {
      hint: typeof body.hint === 'string' ? body.hint : null,
      detail: typeof body.detail === 'string' ? body.detail : null,
      fields: Array.isArray(body.errors)
        ? body.errors.flatMap((field: Record<string, unknown>) => (typeof field?.pointer === 'string' ? [{ pointer: field.pointer, detail: String(field.detail ?? '') }] : []))
        : [],
    })
  } catch {
    return new Problem(status, 'console.answer.unreadable', `HTTP ${status}`, { detail: text.slice(0, 200) || null })
  }
}

/** A new Idempotency-Key. `crypto.randomUUID` is missing on plain HTTP, `getRandomValues` is not. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) => call<T>('GET', path, { query, signal })
export const post = <T>(path: string, body?: unknown, key?: string) => call<T>('POST', path, { body: body ?? {}, key: key ?? newKey() })
export const put = <T>(path: string, body: unknown, key?: string) => call<T>('PUT', path, { body, key: key ?? newKey() })
export const patch = <T>(path: string, body: unknown, key?: string) => call<T>('PATCH', path, { body, key: key ?? newKey() })
export const remove = <T = void>(path: string, key?: string) => call<T>('DELETE', path, { key: key ?? newKey() })

/** A page of a list; `next` is the cursor of the following one. */
export interface Page<T> {
  items: T[]
  next?: string | null
}

/** Every page of a list, up to a bound. For lists that people read whole; long ones page in the grid. */
export async function all<T>(path: string, query: Query = {}, most = 2000): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page = await get<Page<T> | T[]>(path, { limit: 500, ...query, cursor })
    if (Array.isArray(page)) return page
    items.push(...page.items)
    cursor = page.next ?? undefined
  } while (cursor && items.length < most)
  return items
}
