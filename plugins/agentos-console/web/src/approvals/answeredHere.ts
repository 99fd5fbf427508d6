// What was answered at this page, newest first. The API lists what waits, and has an answer under the action's id.
import { signal } from '@preact/signals'
import { client, key } from '../app/session'
import type { AnsweredAction } from './types'

const MOST = 200

let answeredWith: string | null = null
const kept = signal<readonly AnsweredAction[]>([])

/** What was answered with the present key. Another key must not see it. */
export const answered = (): readonly AnsweredAction[] => (key.value === answeredWith ? kept.value : [])

/** Keep an answer that the server took, as it has it. */
export async function keepAnswered(actionId: string): Promise<void> {
  const sentWith = key.peek()
  try {
    const { data } = await client().request<AnsweredAction>('GET', `/api/v1/approvals/${encodeURIComponent(actionId)}`)
    const before = answeredWith === sentWith ? kept.peek() : []
    answeredWith = sentWith
    kept.value = [data, ...before.filter(one => one.id !== data.id)].slice(0, MOST)
  } catch {
    // The run's record has the decision too.
  }
}
