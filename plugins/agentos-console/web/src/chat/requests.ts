// What a conversation asks the server.
import { may } from '../app/rights'
import { client } from '../app/session'
import type { History, RunRecord, Session } from './types'

/** Messages of a page of the transcript. */
const PAGE = 60

const pathOf = (id: string): string => `/api/v1/sessions/${encodeURIComponent(id)}`

export async function readSession(id: string, signal: AbortSignal): Promise<Session> {
  return (await client().request<Session>('GET', pathOf(id), { signal })).data
}

export async function renameSession(id: string, name: string | null): Promise<Session> {
  return (await client().request<Session>('PUT', pathOf(id), { body: { name } })).data
}

/** A page of the transcript: the last one, or the one that ends before a message. */
export async function readPage(id: string, before: number | null, signal: AbortSignal): Promise<History> {
  const query = { num_messages: PAGE, ...(before === null ? {} : { before }) }
  return (await client().request<History>('GET', `${pathOf(id)}/history`, { query, signal })).data
}

/** The runs of a session that have not ended; none for a key that may not read runs. */
export async function readActive(id: string, signal: AbortSignal): Promise<RunRecord[]> {
  if (!may('runs:read')) return []
  const lists = ['queued', 'running', 'paused'].map(status => client().runs.list({ session_id: id, status, limit: 50 }, { signal }))
  return (await Promise.all(lists)).flatMap(list => list.runs)
}

export async function readNewest(id: string, signal: AbortSignal): Promise<RunRecord | null> {
  if (!may('runs:read')) return null
  return (await client().runs.list({ session_id: id, limit: 1 }, { signal })).runs[0] ?? null
}
