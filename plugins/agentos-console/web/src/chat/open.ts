// The conversation that is shown, and making its session.
import type { Schemas } from '@agentos-server/client'
import { useEffect, useState } from 'preact/hooks'
import { restored } from '../app/connection'
import { client } from '../app/session'
import { takeHandover } from './again'
import { Conversation } from './conversation'

/** The conversation of a session, or a new one. It stays the same when its first message makes the
 * session; null for the moment in which it changes. */
export function useConversation(id: string | null): Conversation | null {
  const [current, setCurrent] = useState(() => new Conversation(id))
  const isRight = current.id.value === id
  useEffect(() => {
    if (current.id.value !== id) setCurrent(new Conversation(id))
  }, [id])
  useEffect(() => {
    const shown = current
    if (shown.id.value !== null) {
      void shown.load().then(() => {
        const handed = takeHandover(shown.id.value ?? '')
        if (handed) shown.send(handed.agentId, handed.sending)
      })
    }
    return () => shown.dispose()
  }, [current])
  useEffect(() => {
    if (restored.value === 0) return
    if (current.error.value === null) current.look()
    else void current.load()
  }, [restored.value])
  return isRight ? current : null
}

/** Make the session of a conversation; its name is how it began. */
export async function makeSession(conversation: Conversation, agentId: string, text: string): Promise<string> {
  const name = text.trim().split('\n')[0]?.slice(0, 80).trim()
  const { data } = await client().request<Schemas['Session']>('POST', '/api/v1/sessions', {
    body: { agent_id: agentId, ...(name ? { name } : {}) },
    idempotencyKey: `session-${crypto.getRandomValues(new Uint32Array(4)).join('-')}`,
  })
  conversation.session.value = data
  conversation.id.value = data.session_id
  return data.session_id
}
