import type { VNode } from 'preact'
import { Copy } from '../kit/Copy'
import { duration, visible } from '../kit/format'
import { Json } from '../kit/Json'
import { Badge } from '../kit/Status'

/** What became of a call by hand. */
export interface Outcome {
  call_id?: string
  status?: 'completed' | 'failed'
  result?: string
  error?: string
  duration?: number
}

const MOST_PARSED = 1_000_000

/** The result of a call, as the model would read it. */
export function CallResult({ outcome }: { outcome: Outcome }): VNode {
  const failed = outcome.error !== undefined || outcome.status === 'failed'
  const text = (failed ? outcome.error : outcome.result) ?? ''
  const value = parsed(text)
  return (
    <section class="stack stack-tight" aria-label="Result">
      <div class="row">
        <h3>Result</h3>
        <span role={failed ? 'alert' : 'status'}>
          <Badge kind={failed ? 'bad' : 'ok'}>{failed ? 'failed' : 'completed'}</Badge>
        </span>
        {outcome.duration !== undefined && <span class="faint">{duration(outcome.duration)}</span>}
        <span class="grow" />
        {text !== '' && <Copy text={text} label="Copy the result" />}
      </div>
      {value !== undefined ? (
        <div class="code tool-result">
          <Json value={value} open={3} />
        </div>
      ) : text === '' ? (
        <p class="soft">It returned an empty text.</p>
      ) : (
        <pre class="code code-wrap tool-result" tabIndex={0}>
          {visible(text)}
        </pre>
      )}
    </section>
  )
}

/** An object or a list in a text; undefined for another text. */
export function parsed(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text) || text.length > MOST_PARSED) return undefined
  try {
    return JSON.parse(text) as object
  } catch {
    return undefined
  }
}
