// One WebSocket per tab. Pages name topics while they are shown; the newest message of each comes as it changes.
// After a break the socket comes back by itself, with jitter, and says how long it was away.

import { computed, onScopeDispose, reactive, ref, shallowRef, watch, type MaybeRefOrGetter, type ShallowRef, toValue } from 'vue'

export interface Change {
  seq: number
  kind: string
  subject: string
}

type Listener = (data: unknown) => void

const topics = new Map<string, Set<Listener>>()
let socket: WebSocket | null = null
let wanted = false
let attempt = 0
let timer: ReturnType<typeof setTimeout> | undefined
let brokenAt = 0

export const live = reactive({
  /** Whether the socket is open. */
  connected: false,
  /** When the newest message came (ms), 0 before the first. */
  heardAt: 0,
  /** How long the last break was, in ms, and when it ended; shown for a while in the header. */
  gapMs: 0,
  resumedAt: 0,
})

/** Ticks once a second, for ages on the screen. */
export const now = ref(Date.now())
setInterval(() => {
  if (!document.hidden) now.value = Date.now()
}, 1000)

export const liveAge = computed(() => (live.heardAt ? Math.max(0, now.value - live.heardAt) : null))

export function startLive(): void {
  wanted = true
  open()
}

export function stopLive(): void {
  wanted = false
  clearTimeout(timer)
  socket?.close()
  socket = null
  live.connected = false
  live.heardAt = 0
  brokenAt = 0
}

function open(): void {
  if (!wanted || socket) return
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  const opened = new WebSocket(`${scheme}://${location.host}/api/v1/live`)
  socket = opened
  opened.onopen = () => {
    attempt = 0
    live.connected = true
    if (brokenAt) {
      live.gapMs = Date.now() - brokenAt
      live.resumedAt = Date.now()
      brokenAt = 0
    }
    if (topics.size) say('subscribe', [...topics.keys()])
  }
  opened.onmessage = (event) => {
    let message: { topic?: string; data?: unknown }
    try {
      message = JSON.parse(event.data as string)
    } catch {
      return
    }
    if (!message.topic) return
    live.heardAt = Date.now()
    for (const listener of topics.get(message.topic) ?? []) listener(message.data)
  }
  opened.onclose = () => {
    if (socket !== opened) return
    socket = null
    if (live.connected) brokenAt = Date.now()
    live.connected = false
    if (!wanted) return
    // Half the wait is chance, so that a thousand tabs do not return together.
    const wait = Math.min(20_000, 500 * 2 ** attempt++)
    timer = setTimeout(open, wait / 2 + Math.random() * (wait / 2))
  }
}

function say(op: 'subscribe' | 'unsubscribe', list: string[]): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ op, topics: list }))
}

/** Listens to a topic until the returned function is called. */
export function listen(topic: string, listener: Listener): () => void {
  let listeners = topics.get(topic)
  if (!listeners) {
    topics.set(topic, (listeners = new Set()))
    say('subscribe', [topic])
  }
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0 && topics.get(topic) === listeners) {
      topics.delete(topic)
      say('unsubscribe', [topic])
    }
  }
}

/** The newest message of a topic, for as long as the component lives. No topic, no message. */
export function useLive<T>(topic: MaybeRefOrGetter<string | null | undefined>): ShallowRef<T | null> {
  const data = shallowRef<T | null>(null)
  let stop: (() => void) | undefined
  watch(
    () => toValue(topic),
    (name) => {
      stop?.()
      data.value = null
      stop = name ? listen(name, (message) => (data.value = message as T)) : undefined
    },
    { immediate: true },
  )
  onScopeDispose(() => stop?.())
  return data
}

/** Each message of many topics, for as long as the component lives. */
export function useLiveEach(list: MaybeRefOrGetter<string[]>, listener: (topic: string, data: unknown) => void): void {
  const stops = new Map<string, () => void>()
  watch(
    () => toValue(list).join('\n'),
    (text) => {
      const names = new Set(text ? text.split('\n') : [])
      for (const [name, stop] of stops) {
        if (!names.has(name)) {
          stop()
          stops.delete(name)
        }
      }
      for (const name of names) {
        if (!stops.has(name)) stops.set(name, listen(name, (data) => listener(name, data)))
      }
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    for (const stop of stops.values()) stop()
  })
}
