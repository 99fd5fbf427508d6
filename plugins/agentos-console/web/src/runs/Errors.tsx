import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { visible } from '../kit/format'
import { Json } from '../kit/Json'
import { Empty, Notice } from '../kit/Notice'
import { causeText } from './causes'

type RunDetail = Schemas['RunDetail']
type RunError = Schemas['RunError']
interface CallError {
  key: string
  what: string
  cause: string
}

/** Calls that failed, also those that were tried again. */
export function errorsOf(run: RunDetail): CallError[] {
  return run.steps
    .filter(step => step.status === 'failed')
    .map(step => ({
      key: String(step.number),
      what:
        step.type === 'model_call'
          ? `${step.model ?? 'model'}, attempt ${step.attempt ?? 1}`
          : `tool ${step.tool_name ?? ''}`,
      cause: step.cause ?? '',
    }))
}

/** Why a run did not complete. A cancelled one did what it was asked to. */
export function RunErrorNotice({ error }: { error: RunError }): VNode {
  const cause = text(error.details['cause'])
  const words = causeText(cause ?? error.code)
  const kind = error.code === 'RUN_CANCELLED' ? 'info' : 'bad'
  return (
    <Notice kind={kind} title={visible(sentence(error.message))}>
      {words !== undefined && kind === 'bad' && <div>{words}</div>}
      <div class="notice-facts mono">
        <span>{visible(error.code)}</span>
        {cause !== undefined && <span>{visible(cause)}</span>}
        {error.details['retryable'] === true && <span>can be tried again</span>}
        {typeof error.details['retry_after'] === 'number' && <span>after {error.details['retry_after']} s</span>}
      </div>
    </Notice>
  )
}

export function Errors({ run }: { run: RunDetail }): VNode {
  const failed = errorsOf(run)
  if (run.error === null && failed.length === 0) {
    return (
      <Empty icon="ok" title="No errors">
        {run.ended_at === null
          ? 'Nothing has failed so far. Calls are listed once the run has ended.'
          : 'No call failed.'}
      </Empty>
    )
  }
  return (
    <div class="stack">
      {run.error !== null && Object.keys(run.error.details).length > 0 && (
        <section class="stack stack-tight">
          <h2>How the run ended</h2>
          <div class="panel panel-body">
            <Json value={run.error} open={2} />
          </div>
        </section>
      )}
      {failed.length > 0 && (
        <section class="stack stack-tight">
          <h2>Calls that failed</h2>
          <ul role="list" class="panel run-errors">
            {failed.map(error => (
              <li key={error.key}>
                <div>
                  <span class="faint">{error.key}</span> <span class="mono">{visible(error.what)}</span>
                </div>
                <div class="small">
                  <span class="run-bad mono">{visible(error.cause)}</span>{' '}
                  <span class="soft">{causeText(error.cause)}</span>
                </div>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  )
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1)
