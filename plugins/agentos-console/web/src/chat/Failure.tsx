import type { VNode } from 'preact'
import { Link } from '../app/router'
import { Button } from '../kit/Button'
import { visible } from '../kit/format'
import { Notice } from '../kit/Notice'
import type { Failure as Why } from './types'

interface FailureProps {
  failure: Why
  runId: string | null
  onRetry: (() => unknown) | undefined
  /** End what waits in the session, and send this. */
  onInterrupt: (() => unknown) | undefined
}

/** Why a run did not end well: what happened, the code, its causes, and what can be done. */
export function Failure({ failure, runId, onRetry, onInterrupt }: FailureProps): VNode {
  const { message, code, details, requestId } = failure
  const cause = typeof details['cause'] === 'string' ? details['cause'] : undefined
  const reset = typeof details['retry_after'] === 'number' ? `Try again in ${details['retry_after']} s.` : null
  const isBusy = code === 'SESSION_BUSY'
  return (
    <Notice
      kind="bad"
      title={isBusy ? 'The session waits for an answer' : 'The run failed'}
      actions={
        <>
          {onRetry && <Button small icon="retry" onClick={onRetry}>Try again</Button>}
          {isBusy && onInterrupt && <Button small danger onClick={onInterrupt}>End what waits, and ask this</Button>}
          {runId !== null && <Link class="button button-small" to={`/runs/${encodeURIComponent(runId)}`}>Look at the run</Link>}
        </>
      }
    >
      <div>{isBusy ? 'A run before it waits for a person. Answer that, or end it.' : sentence(visible(message))}</div>
      {reset && <div>{reset}</div>}
      {(code || cause || requestId) && (
        <div class="notice-facts mono">
          {code && <span>{visible(code)}</span>}
          {cause && <span>cause {visible(cause)}</span>}
          {requestId && <span>request {visible(requestId)}</span>}
        </div>
      )}
    </Notice>
  )
}

/** A message of the server as a sentence. */
function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?…]$/.test(first) ? first : `${first}.`
}
