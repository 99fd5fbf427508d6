// Stored agents over the API, with the tag that says which version was read.
import type { Schemas } from '@agentos-server/client'
import { client } from '../app/session'
import { bodyOf, type Definition } from './draft'

export type AgentDetail = Schemas['AgentDetail']
export interface Tagged {
  agent: AgentDetail
  /** The tag of the version; null for an agent in code. */
  tag: string | null
}

const path = (id: string): string => `/api/v1/agents/${encodeURIComponent(id)}`

export async function readAgent(id: string, signal?: AbortSignal): Promise<Tagged> {
  const { data, response } = await client().request<AgentDetail>(
    'GET',
    path(id),
    signal === undefined ? {} : { signal },
  )
  return { agent: data, tag: response.headers.get('ETag') }
}

export async function createAgent(definition: Definition, comment: string): Promise<Tagged> {
  const { data, response } = await client().request<AgentDetail>('POST', '/api/v1/agents', {
    body: bodyOf(definition, comment),
  })
  return { agent: data, tag: response.headers.get('ETag') }
}

/** Replace a definition, if the present version is still the one of the tag. Throws 412 if it is not. */
export async function replaceAgent(
  id: string,
  definition: Definition,
  comment: string,
  tag: string | null,
): Promise<Tagged> {
  const headers = tag === null ? {} : { 'If-Match': tag }
  const { data, response } = await client().request<AgentDetail>('PUT', path(id), {
    body: bodyOf(definition, comment),
    headers,
  })
  return { agent: data, tag: response.headers.get('ETag') }
}

export async function rollBack(id: string, version: number, comment: string, tag: string | null): Promise<Tagged> {
  const body = comment.trim() === '' ? { version } : { version, comment: comment.trim() }
  const headers = tag === null ? {} : { 'If-Match': tag }
  const { data, response } = await client().request<AgentDetail>('POST', `${path(id)}/rollback`, { body, headers })
  return { agent: data, tag: response.headers.get('ETag') }
}

export async function deleteAgent(id: string): Promise<void> {
  await client().request('DELETE', path(id))
}
