// One thing that a run waits for, with all that is needed to answer it: in the inbox, and inside the chat.
import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { client } from '../app/session'
import { visible } from '../kit/format'
import { Icon, type IconName } from '../kit/Icon'
import { ErrorNotice, Notice } from '../kit/Notice'
import { Badge } from '../kit/Status'
import { tell } from '../kit/toast'
import { APIError } from '@agentos-server/client'
import { atExpiry, KINDS, refusal, type Action, type Answer } from './answers'
import { keepAnswered } from './answeredHere'
import { ClientToolAnswer } from './ClientToolAnswer'
import { Decide } from './Decide'
import { reasonAgainst } from './mayAnswer'
import { Question } from './Question'
import { useCountdown } from './useCountdown'
import { countNow } from './waiting'

export interface PendingProps {
  runId: string
  agentId: string
  /** The owner of the run, where it is known. */
  owner?: string | undefined
  action: Action
  /** The server took the answer, or says that it needs none any more. */
  onDone: () => unknown
}

const ICONS: Record<Action['kind'], IconName> = { approval: 'lock', input: 'chat', client_tool: 'tools' }

/** What an answering form needs. */
export interface AnswerForm {
  action: Action
  busy: boolean
  /** Why it cannot be answered here and now. */
  reason: string | undefined
  send: (answer: Answer) => void
}

export function Pending({ runId, agentId, owner, action, onDone }: PendingProps): VNode {
  const left = useCountdown(action.expires_at)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [over, setOver] = useState<string>()
  const isExpired = left?.state === 'over'
  useEffect(() => {
    if (!isExpired) return
    const timer = setTimeout(onDone, 2000)
    return () => clearTimeout(timer)
  }, [isExpired])

  const send = async (answer: Answer): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      await client().runs.resume(runId, [answer])
      countNow()
      void keepAnswered(action.id)
      tell(saidOf(answer))
      onDone()
    } catch (caught) {
      const refused = caught instanceof APIError ? refusal(caught.code) : undefined
      if (refused === undefined) setError(caught)
      else {
        setOver(refused.text)
        countNow()
        setTimeout(onDone, 2000)
      }
    } finally {
      setBusy(false)
    }
  }

  const reason = isExpired ? 'It can no longer be answered.' : reasonAgainst(action, agentId, owner)
  const form: AnswerForm = { action, busy, reason, send: answer => void send(answer) }
  return (
    <section class="pending panel" aria-label={`${KINDS[action.kind]}: ${visible(action.tool_name)}`}>
      <header class="panel-head">
        <Icon name={ICONS[action.kind]} />
        <h2 class="grow clip">
          {KINDS[action.kind]} <span class="mono">{visible(action.tool_name)}</span>
        </h2>
        {left !== undefined && (
          <span title={`Until ${new Date(action.expires_at ?? '').toLocaleString()}. ${atExpiry(action)}`}>
            <Badge kind={left.state === 'far' ? 'plain' : left.state === 'soon' ? 'warn' : 'bad'}>{left.text}</Badge>
          </span>
        )}
      </header>
      <div class="panel-body stack">
        {action.message !== undefined && action.message !== '' && (
          <p class="pending-message">{visible(action.message)}</p>
        )}
        {over !== undefined && <Notice kind="warn">{over}</Notice>}
        {over === undefined && action.kind === 'approval' && <Decide {...form} />}
        {over === undefined && action.kind === 'input' && <Question {...form} />}
        {over === undefined && action.kind === 'client_tool' && <ClientToolAnswer {...form} />}
        {error !== undefined && <ErrorNotice error={error} what="The answer was not taken" />}
      </div>
    </section>
  )
}

const saidOf = (answer: Answer): string =>
  answer.decision === undefined
    ? 'The answer is taken.'
    : answer.decision === 'approve'
      ? 'The call is approved.'
      : 'The call is rejected.'
