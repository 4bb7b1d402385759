// One time range per page, in the address: a colleague who gets the link sees the same hour.

import { computed, ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { now } from '@/live/socket'

export const PRESETS = ['15m', '1h', '8h', '24h', '7d', '30d'] as const
export type Preset = (typeof PRESETS)[number]

const MS: Record<Preset, number> = { '15m': 9e5, '1h': 36e5, '8h': 288e5, '24h': 864e5, '7d': 6048e5, '30d': 2592e6 }

export function useRange(initial: Preset = '1h') {
  const route = useRoute()
  const router = useRouter()

  const preset = computed<Preset | null>(() => {
    if (route.query.from && route.query.to) return null
    const asked = String(route.query.range ?? initial)
    return (PRESETS as readonly string[]).includes(asked) ? (asked as Preset) : initial
  })
  // A live window moves in steps, so that a page is not fetched again every second.
  const anchor = ref(Date.now())
  watch(now, (at) => {
    const step = preset.value ? Math.max(5_000, MS[preset.value] / 600) : Infinity
    if (at - anchor.value >= step) anchor.value = at
  })
  const from = computed(() => (preset.value ? anchor.value - MS[preset.value] : Date.parse(String(route.query.from))))
  const to = computed(() => (preset.value ? anchor.value : Date.parse(String(route.query.to))))
  const valid = computed(() => Number.isFinite(from.value) && Number.isFinite(to.value) && from.value < to.value)

  function choose(next: Preset) {
    anchor.value = Date.now()
    void router.replace({ query: { ...route.query, range: next, from: undefined, to: undefined } })
  }
  function zoom(start: number, end: number) {
    void router.replace({ query: { ...route.query, range: undefined, from: new Date(start).toISOString(), to: new Date(end).toISOString() } })
  }
  /** Moves or widens the window: −1 one length back, 1 one forward, 0 twice as wide. */
  function shift(step: number) {
    const length = to.value - from.value
    if (step === 0) zoom(from.value - length / 2, Math.min(Date.now(), to.value + length / 2))
    else zoom(from.value + step * length, to.value + step * length)
  }

  return { preset, live: computed(() => preset.value !== null), from, to, valid, choose, zoom, shift }
}

export type Range = ReturnType<typeof useRange>
