import { createApp, defineComponent, h, nextTick, ref, type App } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Problem } from '@/api/http'
import Sparkline from '@/charts/Sparkline.vue'
import { setLang } from '@/i18n/core'
import Chain from '@/ui/Chain.vue'
import Fault from '@/ui/Fault.vue'
import Load from '@/ui/Load.vue'
import PriorityMark from '@/ui/PriorityMark.vue'
import Segments from '@/ui/Segments.vue'
import StateMark, { STATES } from '@/ui/StateMark.vue'
import SlotCalendar from '../../modules/sharing/web/parts/SlotCalendar.vue'

let root: HTMLElement

const mounted: App[] = []

function mount(component: unknown, props: Record<string, unknown> = {}, slots: Record<string, unknown> = {}) {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)*', name: 'any', component: { render: () => null } }] })
  const app = createApp(defineComponent({ render: () => h(component as never, props, slots as never) }))
  mounted.push(app)
  app.use(router).mount(root.appendChild(document.createElement('div')))
  return root
}

beforeEach(async () => {
  await setLang('en')
  root = document.createElement('div')
  document.body.append(root)
})
afterEach(() => {
  for (const app of mounted.splice(0)) app.unmount()
  root.remove()
})

describe('state', () => {
  it('is told by shape and by word, not by colour alone', () => {
    const shapes = new Set<string>()
    for (const state of STATES) {
      mounted.pop()?.unmount()
      root.replaceChildren()
      const text = mount(StateMark, { state }).textContent
      expect(text).toMatch(/\w/)
      shapes.add(root.querySelector('svg')!.innerHTML.replace(/data-v-\w+=""/g, ''))
    }
    expect(shapes.size).toBe(STATES.length)
  })
  it('that nobody knows is unknown', () => {
    expect(mount(StateMark, { state: 'banana' }).textContent).toBe('Unknown')
  })
  it('of alarms shows rank and word', () => {
    expect(mount(PriorityMark, { priority: 1 }).textContent).toContain('Urgent')
    expect(root.querySelector('text')!.textContent).toBe('1')
  })
})

describe('what is fetched', () => {
  const query = (data: unknown, error: unknown) => ({ data: ref(data), error: ref(error), refetch: vi.fn() })
  const slot = { default: ({ data }: { data: unknown }) => h('b', String(data)) }

  it('waits, fails, is empty, or is there', async () => {
    const waiting = query(undefined, null)
    mount(Load, { query: waiting }, slot)
    expect(root.querySelector('[role=status]')).toBeTruthy()
    waiting.data.value = 'here'
    await nextTick()
    expect(root.querySelector('b')!.textContent).toBe('here')
  })
  it('says what went wrong with code and hint, and can be tried again', () => {
    const failed = query(undefined, new Problem(404, 'twin.machine.unknown', 'there is no such machine', { hint: 'ask for a grant' }))
    mount(Load, { query: failed }, slot)
    expect(root.textContent).toContain('there is no such machine')
    expect(root.textContent).toContain('ask for a grant')
    expect(root.textContent).toContain('twin.machine.unknown')
    root.querySelector('button')!.click()
    expect(failed.refetch).toHaveBeenCalledOnce()
  })
  it('stays on the screen while a refresh fails', () => {
    mount(Load, { query: query('old', new Problem(0, 'console.server.unreachable', 'silent')) }, slot)
    expect(root.querySelector('b')!.textContent).toBe('old')
  })
  it('names an empty list instead of showing nothing', () => {
    mount(Load, { query: query([], null), empty: 'No invoices yet' }, slot)
    expect(root.textContent).toContain('No invoices yet')
  })
  it('lists the wrong fields of a refusal', () => {
    mount(Fault, { error: new Problem(422, 'a.b.c', 'malformed', { fields: [{ pointer: '/slots/0', detail: 'in the past' }] }) })
    expect(root.textContent).toContain('/slots/0')
    expect(root.textContent).toContain('in the past')
  })
})

describe('the chain of proof', () => {
  it('links what may be opened, and marks where we are', () => {
    mount(Chain, {
      links: [
        { icon: 'payment', kind: 'Payment', title: '¥10', to: '/payments/1' },
        { icon: 'invoice', kind: 'Invoice', title: 'I-1', to: '/invoices/1', current: true },
        { icon: 'machine', kind: 'Machine', title: 'M', to: null },
      ],
    })
    expect(root.querySelectorAll('a')).toHaveLength(1)
    expect(root.querySelector('[aria-current=step]')!.textContent).toContain('I-1')
  })
})

describe('a choice', () => {
  it('says what is pressed and what was chosen', async () => {
    const chosen = vi.fn()
    mount(Segments, { modelValue: 'a', 'onUpdate:modelValue': chosen, options: [{ key: 'a', label: 'A', count: 2 }, { key: 'b', label: 'B' }] })
    expect(root.querySelector('[aria-pressed=true]')!.textContent).toBe('A2')
    ;(root.querySelectorAll('button')[1] as HTMLElement).click()
    expect(chosen).toHaveBeenCalledWith('b')
  })
})

describe('a sparkline', () => {
  it('breaks where nothing was measured', () => {
    mount(Sparkline, { points: [[0, 1], [1, 2], [2, null], [3, 1], [4, 2]] })
    expect(root.querySelector('path')!.getAttribute('d')!.match(/M/g)).toHaveLength(2)
  })
})

describe('the calendar', () => {
  const monday = new Date(2090, 0, 2).setHours(0, 0, 0, 0)
  const at = (hour: number) => new Date(monday + hour * 3_600_000).toISOString()
  const cell = (hour: number) => root.querySelector(`[data-cell="0-${hour}"]`) as HTMLElement

  it('offers free hours only, paints them, and joins what touches', async () => {
    const chosen = ref<{ from: string; to: string }[]>([])
    const update = (value: { from: string; to: string }[]) => (chosen.value = value)
    const app = createApp(
      defineComponent({
        render: () => h(SlotCalendar, { from: monday, days: 1, free: [{ from: at(8), to: at(12) }], reserved: [{ from: at(12), to: at(13) }], modelValue: chosen.value, 'onUpdate:modelValue': update }),
      }),
    )
    mounted.push(app)
    app.mount(root)
    expect([7, 8, 12, 14].map((hour) => cell(hour).dataset.state)).toEqual(['closed', 'free', 'taken', 'closed'])
    cell(9).dispatchEvent(new Event('pointerdown'))
    await nextTick()
    cell(10).dispatchEvent(new Event('pointerenter'))
    await nextTick()
    cell(12).dispatchEvent(new Event('pointerenter'))
    await nextTick()
    expect(chosen.value).toEqual([{ from: at(9), to: at(11) }])
    expect(cell(9).getAttribute('aria-selected')).toBe('true')
    root.querySelector('.calendar')!.dispatchEvent(new Event('pointerup'))
    cell(9).dispatchEvent(new Event('pointerdown'))
    await nextTick()
    expect(chosen.value).toEqual([{ from: at(10), to: at(11) }])
  })
})
