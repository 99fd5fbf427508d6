// How much waits for an answer, for the badge in the navigation. Asks gently: every 20 seconds, not while the page is
// hidden, and not for a key that may not see it.
import { effect, signal } from '@preact/signals'
import { setBadge } from '../app/badges'
import { connection } from '../app/connection'
import { may } from '../app/rights'
import { client, locked } from '../app/session'

const BETWEEN = 20_000

/** How many approvals, questions and tools of clients wait; null while that is not known. */
export const waiting = signal<number | null>(null)

let timer: ReturnType<typeof setTimeout> | undefined
let asking: AbortController | undefined

/** Counts now, and then every 20 seconds. */
export function countNow(): void {
  clearTimeout(timer)
  asking?.abort()
  if (document.hidden || locked.peek() || connection.peek() === 'offline' || !mayCount()) return
  asking = new AbortController()
  void count(asking.signal)
}

async function count(signal: AbortSignal): Promise<void> {
  try {
    const query = { limit: 1, include_total: true }
    const { data } = await client().request<{ total?: number }>('GET', '/api/v1/approvals', { query, signal })
    waiting.value = data.total ?? null
  } catch {
    // The badge keeps its number: the views say what is wrong.
  }
  if (!signal.aborted) timer = setTimeout(countNow, BETWEEN)
}

const mayCount = (): boolean => may('runs:read') || may('runs:approve:any')

/** Keeps the count while the page lives; returns what ends that. */
export function watchWaiting(): () => void {
  const stopEffect = effect(() => {
    if (!mayCount() || locked.value) waiting.value = null
    if (connection.value === 'online') countNow()
  })
  const stopBadge = effect(() => setBadge('/approvals', waiting.value ?? 0))
  document.addEventListener('visibilitychange', countNow)
  return () => {
    stopEffect()
    stopBadge()
    document.removeEventListener('visibilitychange', countNow)
    clearTimeout(timer)
    asking?.abort()
  }
}
