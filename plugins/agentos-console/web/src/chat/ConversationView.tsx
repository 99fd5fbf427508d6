// A conversation with its composer: the view of the chat, and a panel elsewhere.
import { useComputed } from '@preact/signals'
import type { ComponentChildren, VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { missing } from '../app/rights'
import { useShortcut } from '../app/shortcuts'
import { Button } from '../kit/Button'
import { visible } from '../kit/format'
import { ErrorNotice, Loading } from '../kit/Notice'
import { tellError } from '../kit/toast'
import { Answer } from './Answer'
import { askAgain, sendAgain } from './again'
import { Composer } from './Composer'
import type { Conversation } from './conversation'
import { draftOf } from './drafts'
import { Question } from './Question'
import { useScroll } from './scroll'
import { onTold } from './tabs'
import type { Turn } from './turn'
import type { Agent } from './types'
import type { Upload } from './uploads'

interface ConversationViewProps {
  conversation: Conversation
  /** The agent that is asked next. */
  agentId: string | null
  agents: readonly Agent[]
  /** Makes the session at the first message. */
  onFirst: (text: string) => Promise<void>
  /** Another session has the conversation now. */
  onFork: (sessionId: string) => void
  /** What an empty conversation shows. */
  empty: ComponentChildren
  /** What stands in the composer's bar. */
  choice: ComponentChildren
}

/** Whether a turn waits behind another one. Its first event comes when it is accepted, before its turn does. */
function isQueued(turns: readonly Turn[], turn: Turn): boolean {
  const { status, parts } = turn.state
  if (!isLive(turn) || status.value === 'sending' || parts.value.length > 0) return false
  return turns.some((one, number) => number < turns.indexOf(turn) && (isLive(one) || one.state.status.value === 'paused'))
}

const isLive = (turn: Turn): boolean => ['sending', 'queued', 'running'].includes(turn.state.status.value)

export function ConversationView({ conversation, agentId, agents, onFirst, onFork, empty, choice }: ConversationViewProps): VNode {
  const turns = conversation.turns.value
  const place = conversation.id.value ?? 'new'
  const scroll = useScroll(place, turns[0]?.key, () => void conversation.loadOlder().catch(tellError))
  const live = useComputed(() => conversation.turns.value.filter(isLive)).value
  const session = conversation.session.value
  const write = missing('sessions:write')
  const reason = agentId === null ? 'Choose an agent first.' : (missing(`agents:run:${agentId}`) ?? (conversation.id.value === null ? write : undefined))

  useEffect(() => onTold(id => id === conversation.id.value && conversation.look()), [conversation])
  useShortcut('mod+.', 'Stop the answer', () => void stop())

  const stop = async (): Promise<void> => {
    try {
      await Promise.all(live.map(turn => turn.stop()))
    } catch (error) {
      tellError(error, 'The run was not stopped')
    }
  }
  const send = async (text: string, files: readonly Upload[]): Promise<void> => {
    if (agentId === null) return
    if (conversation.id.value === null) await onFirst(text)
    conversation.send(agentId, { text, media: files })
    scroll.toEnd()
  }
  const nameOf = (turn: Turn): string => {
    const id = turn.agentId || session?.agent_id || ''
    return visible(agents.find(one => one.id === id)?.name || id || 'the agent')
  }
  const nameOfNext = visible(agents.find(one => one.id === agentId)?.name ?? agentId ?? 'an agent')

  return (
    <div class="conversation">
      <h2 class="sr-only">Conversation</h2>
      <div class="conversation-scroll" ref={scroll.box}>
        <div class="conversation-log" ref={scroll.content} role="log" aria-live="off" aria-label="Conversation" tabIndex={0}>
          {conversation.older.value !== 'none' && (
            <Button small class="conversation-older" busy={conversation.older.value === 'loading'} onClick={() => conversation.loadOlder().catch(tellError)}>Show older messages</Button>
          )}
          {conversation.error.value !== null && <ErrorNotice error={conversation.error.value} what="The conversation could not be loaded" retry={() => conversation.load()} />}
          {conversation.loading.value && turns.length === 0 && <Loading what="Loading the conversation" />}
          {turns.length === 0 && !conversation.loading.value && conversation.error.value === null && empty}
          {turns.map(turn => (
            <div class="turn" key={turn.key}>
              <Question
                turn={turn}
                reason={write ?? reason}
                onAskAgain={turn.runId.value === null ? undefined : text => askAgain(conversation, turn, text, onFork)}
              />
              <Answer
                turn={turn}
                agentName={nameOf(turn)}
                owner={session?.owner}
                isQueued={isQueued(turns, turn)}
                onRetry={() => sendAgain(conversation, turn).catch(error => tellError(error, 'It was not sent again'))}
                onInterrupt={() => sendAgain(conversation, turn, true).catch(error => tellError(error, 'It was not sent again'))}
              />
            </div>
          ))}
        </div>
      </div>
      <div class="conversation-foot">
        {!scroll.atEnd.value && <Button small icon="down" class="conversation-down" onClick={scroll.toEnd}>To the latest</Button>}
        <Composer
          key={place}
          draft={draftOf(place)}
          reason={reason}
          placeholder={`Write to ${nameOfNext}`}
          isAnswering={live.length > 0}
          onSend={send}
          onStop={stop}
          stopReason={missing('runs:cancel')}
        >
          {choice}
        </Composer>
        <StatusLine conversation={conversation} />
      </div>
    </div>
  )
}

/** What happens, in words, for those who do not see it happen. */
function StatusLine({ conversation }: { conversation: Conversation }): VNode {
  const turns = conversation.turns.value
  const last = turns.at(-1)
  const text = last === undefined ? '' : isQueued(turns, last) ? 'Queued behind another run' : words(last)
  return <p class="conversation-status" role="status">{text}</p>
}

function words(turn: Turn): string {
  const { state } = turn
  if (turn.reconnecting.value) return 'The connection is lost. Connecting again…'
  switch (state.status.value) {
    case 'sending':
      return 'Sending…'
    case 'queued':
    case 'running':
      return 'Answering…'
    case 'paused':
      return 'Waiting for an answer from you, or from another person'
    case 'cancelled':
      return 'Stopped'
    case 'failed':
      return 'Failed'
    default:
      return turn.request === null ? '' : 'Finished'
  }
}
