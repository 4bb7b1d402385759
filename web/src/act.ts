// An act of the person: money, bookings, machine matters wait for the server and say so. Sending the same again keeps its key,
// so that a lost answer never becomes a second effect; a new body is a new act.

import { ref, shallowRef } from 'vue'
import { newKey, Problem } from './api/http'

export function useAct<A extends unknown[], R>(send: (key: string, ...args: A) => Promise<R>) {
  const busy = ref(false)
  const problem = shallowRef<Problem | null>(null)
  let key = newKey()
  let sent = ''

  async function run(...args: A): Promise<R | undefined> {
    if (busy.value) return undefined
    const body = JSON.stringify(args)
    if (sent && body !== sent) key = newKey()
    sent = body
    busy.value = true
    problem.value = null
    try {
      const answer = await send(key, ...args)
      key = newKey()
      sent = ''
      return answer
    } catch (error) {
      problem.value = error instanceof Problem ? error : new Problem(0, 'console.act.failed', String(error))
      // A refusal is final for this key; only silence and server faults are repeated with it.
      if (problem.value.status >= 400 && problem.value.status < 500) {
        key = newKey()
        sent = ''
      }
      return undefined
    } finally {
      busy.value = false
    }
  }

  return { run, busy, problem, clear: () => (problem.value = null) }
}
