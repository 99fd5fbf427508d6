import type { VNode } from 'preact'
import { visible } from '../kit/format'
import { Json } from '../kit/Json'
import { Badge } from '../kit/Status'
import { Time } from '../kit/Time'
import type { GivenAnswer } from './types'

const NAMES: Record<string, string> = { expiry: 'no person, in time', operator: 'the command line' }

/** What was answered, in a word. */
export function AnswerBadge({ answer }: { answer: GivenAnswer | undefined }): VNode {
  if (answer?.answered_by === 'expiry') return <Badge kind="bad">expired</Badge>
  if (answer?.decision === 'approve')
    return <Badge kind="ok">{answer.edited_arguments ? 'approved with changes' : 'approved'}</Badge>
  if (answer?.decision === 'reject') return <Badge kind="bad">rejected</Badge>
  return answer?.error === undefined ? <Badge kind="ok">answered</Badge> : <Badge kind="bad">failed</Badge>
}

/** An answer in full: what was asked, what was changed, and by whom. */
export function AnswerFacts({ answer, asked }: { answer: GivenAnswer; asked: unknown }): VNode {
  const by = answer.answered_by
  return (
    <dl class="facts">
      <dt>Answer</dt>
      <dd>
        <AnswerBadge answer={answer} />
        {answer.remember === 'session' && <span class="faint"> for the session</span>}
      </dd>
      {by !== undefined && (
        <>
          <dt>By</dt>
          <dd>
            {NAMES[by] ?? <span class="mono">{visible(by)}</span>}
            {answer.answered_as === 'other' && <span class="faint"> as another person than the owner</span>}
            {answer.address !== undefined && <span class="faint"> from {visible(answer.address)}</span>}
          </dd>
        </>
      )}
      {answer.answered_at !== undefined && (
        <>
          <dt>When</dt>
          <dd>
            <Time at={answer.answered_at} />
          </dd>
        </>
      )}
      {answer.message !== undefined && (
        <>
          <dt>Message</dt>
          <dd class="pending-message">{visible(answer.message)}</dd>
        </>
      )}
      {asked !== undefined && (
        <>
          <dt>Asked</dt>
          <dd>
            <Json value={asked} open={3} />
          </dd>
        </>
      )}
      {answer.edited_arguments !== undefined && (
        <>
          <dt>Called with</dt>
          <dd>
            <Json value={answer.edited_arguments} open={3} />
          </dd>
        </>
      )}
      {answer.output !== undefined && (
        <>
          <dt>Output</dt>
          <dd>
            <Json value={answer.output} open={3} />
          </dd>
        </>
      )}
      {answer.error !== undefined && (
        <>
          <dt>Error</dt>
          <dd>{visible(answer.error)}</dd>
        </>
      )}
    </dl>
  )
}
