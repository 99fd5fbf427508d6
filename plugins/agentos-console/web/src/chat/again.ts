// Asking again: a failed message in the same session, a changed one in a copy of it.
import type { Schemas } from '@agentos-server/client'
import { client } from '../app/session'
import { tellError } from '../kit/toast'
import type { Conversation, Sending } from './conversation'
import { load } from './Media'
import type { Turn } from './turn'
import { uploadOf, type Upload } from './uploads'

/** What is asked as soon as its session is shown. */
const handover = new Map<string, { agentId: string; sending: Sending }>()

/** Copy the session up to before a turn, and ask there. */
export async function askAgain(conversation: Conversation, turn: Turn, text: string, onFork: (sessionId: string) => void): Promise<void> {
  try {
    const sessionId = conversation.id.value ?? ''
    const media = await uploadsOf(turn)
    const path = `/api/v1/sessions/${encodeURIComponent(sessionId)}/fork`
    const body = { before_run_id: turn.runId.value ?? '' }
    const { data } = await client().request<Schemas['Session']>('POST', path, { body, idempotencyKey: `fork-${crypto.getRandomValues(new Uint32Array(4)).join('-')}` })
    handover.set(data.session_id, { agentId: agentOf(conversation, turn), sending: { text, media } })
    onFork(data.session_id)
  } catch (error) {
    tellError(error, 'The message could not be asked again')
  }
}

/** What was handed over to a session, once. */
export function takeHandover(sessionId: string): { agentId: string; sending: Sending } | undefined {
  const found = handover.get(sessionId)
  handover.delete(sessionId)
  return found
}

/** Try a turn again that failed: follow a run that may not have ended, repeat a request that was not answered, or ask anew. */
export async function sendAgain(conversation: Conversation, turn: Turn, interrupt = false): Promise<void> {
  const { state } = turn
  const goesOn = turn.runId.value !== null && state.status.value !== 'failed'
  const isUnanswered = turn.runId.value === null && state.failure.value?.code === ''
  if (goesOn || (isUnanswered && !interrupt)) {
    // The same key: if the server took it, it is that run.
    if (isUnanswered) state.status.value = 'sending'
    void turn.follow()
    return
  }
  const media = await uploadsOf(turn)
  if (turn.runId.value === null) conversation.drop(turn)
  conversation.send(agentOf(conversation, turn), { text: state.input.value, media, interrupt })
}

/** The agent of a turn. A message that was copied from another session does not say it. */
const agentOf = (conversation: Conversation, turn: Turn): string => turn.agentId || (conversation.session.value?.agent_id ?? '')

/** The files of a turn: from this page, or from the server. */
async function uploadsOf(turn: Turn): Promise<readonly Upload[]> {
  if (turn.uploads.length > 0) return turn.uploads
  const runId = turn.runId.value
  return Promise.all(
    turn.state.media.value.map(async (one, number): Promise<Upload> => {
      const name = one.name ?? `file-${number}`
      if (one.url !== undefined) {
        const body = { type: one.type, url: one.url, ...(one.name === undefined ? {} : { name: one.name }) } as Upload['body']
        return { id: -1 - number, type: one.type, name, contentType: one.content_type ?? '', size: 0, preview: null, body }
      }
      const blob = await load(runId ?? '', number)
      return uploadOf(new Blob([blob], { type: one.content_type ?? 'application/octet-stream' }), name)
    }),
  )
}
