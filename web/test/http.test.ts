import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useAct } from '@/act'
import { all, call, newKey, onSignedOut, post, Problem, problemOf } from '@/api/http'
import { setLang } from '@/i18n/core'

const answer = (status: number, body: unknown) => new Response(typeof body === 'string' ? body : JSON.stringify(body), { status })
const sent = vi.fn<(url: string, init: RequestInit) => Promise<Response>>()

beforeEach(async () => {
  await setLang('zh')
  vi.stubGlobal('fetch', sent)
})
afterEach(() => {
  sent.mockReset()
  vi.unstubAllGlobals()
})

describe('problem details', () => {
  it('are read whole', () => {
    const problem = problemOf(
      409,
      JSON.stringify({ type: 'urn:baigong:error:sharing.slot.taken', title: '时段已被占用', status: 409, detail: 'the slot is not free', code: 'sharing.slot.taken', hint: '换一个时段', errors: [{ pointer: '/slots/0', detail: 'taken' }] }),
    )
    expect(problem).toMatchObject({ status: 409, code: 'sharing.slot.taken', message: '时段已被占用', hint: '换一个时段', detail: 'the slot is not free' })
    expect(problem.field('/slots/0')).toBe('taken')
    expect(problem.field('0')).toBe('taken')
    expect(problem.field('part')).toBeUndefined()
  })
  it('are made of anything else too', () => {
    expect(problemOf(502, '<html>bad gateway</html>')).toMatchObject({ status: 502, code: 'console.answer.unreadable', message: 'HTTP 502' })
    expect(problemOf(500, '{}').code).toBe('console.answer.unreadable')
  })
})

describe('call', () => {
  it('speaks the language of the page and keys what changes something', async () => {
    sent.mockResolvedValue(answer(201, { id: 'x' }))
    await post('/alarms/a/acknowledge', { comment: '' }, 'key-1')
    const [url, init] = sent.mock.calls[0]!
    expect(url).toBe('/api/v1/alarms/a/acknowledge')
    expect(init.headers).toMatchObject({ 'accept-language': 'zh-CN', 'content-type': 'application/json', 'idempotency-key': 'key-1' })
  })
  it('tells silence from refusal', async () => {
    sent.mockRejectedValue(new TypeError('failed to fetch'))
    await expect(call('GET', '/machines')).rejects.toMatchObject({ status: 0, code: 'console.server.unreachable' })
  })
  it('says when the session is over, but not when signing in fails', async () => {
    const over = vi.fn()
    onSignedOut(over)
    sent.mockImplementation(async () => answer(401, { code: 'identity.credential.unknown', title: '请重新登录' }))
    await expect(call('POST', '/session', { body: {} })).rejects.toBeInstanceOf(Problem)
    expect(over).not.toHaveBeenCalled()
    await expect(call('GET', '/machines')).rejects.toBeInstanceOf(Problem)
    expect(over).toHaveBeenCalledOnce()
  })
  it('follows cursors to the end', async () => {
    sent.mockResolvedValueOnce(answer(200, { items: [1, 2], next: 'c 1' })).mockResolvedValueOnce(answer(200, { items: [3] }))
    expect(await all('/machines')).toEqual([1, 2, 3])
    expect(sent.mock.calls[1]![0]).toBe('/api/v1/machines?limit=500&cursor=c+1')
  })
  it('makes keys that do not repeat', () => {
    expect(newKey()).toMatch(/^[0-9a-f]{32}$/)
    expect(newKey()).not.toBe(newKey())
  })
})

describe('an act', () => {
  it('keeps its key while the server is silent, and takes a new one for a new body', async () => {
    const keys: string[] = []
    let fail = true
    const act = useAct(async (key: string, body: { pieces: number }) => {
      keys.push(key)
      if (fail) throw new Problem(0, 'console.server.unreachable', 'silent')
      return body.pieces
    })
    await act.run({ pieces: 1 })
    await act.run({ pieces: 1 })
    expect(keys[1]).toBe(keys[0])
    await act.run({ pieces: 2 })
    expect(keys[2]).not.toBe(keys[1])
    fail = false
    expect(await act.run({ pieces: 2 })).toBe(2)
    expect(keys[3]).toBe(keys[2])
    await act.run({ pieces: 2 })
    expect(keys[4]).not.toBe(keys[3])
  })
  it('does not repeat a key that was refused', async () => {
    const keys: string[] = []
    const act = useAct(async (key: string) => {
      keys.push(key)
      throw new Problem(409, 'sharing.slot.taken', 'taken')
    })
    await act.run()
    await act.run()
    expect(keys[1]).not.toBe(keys[0])
    expect(act.problem.value?.code).toBe('sharing.slot.taken')
    expect(act.busy.value).toBe(false)
  })
})
