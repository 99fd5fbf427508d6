import type { ComponentChildren, VNode } from 'preact'
import { count, duration, visible } from '../kit/format'
import { Json } from '../kit/Json'
import { parsed } from '../tools/CallResult'
import { causeText, finishText } from './causes'
import type { RunEventLike } from './eventRows'
import { Tokens } from './RunFacts'
import type { Span } from './spans'

/** All that is known of one call. */
export function SpanDetail({ span, events }: { span: Span; events: readonly RunEventLike[] }): VNode {
  const call = span.toolCallId === undefined ? undefined : callOf(span.toolCallId, events)
  const speed = speedOf(span)
  return (
    <div class="span-detail stack">
      <dl class="facts small">
        <Row name="Begins">{duration(span.start)} after the run was accepted</Row>
        <Row name="Lasts">
          {duration(span.end - span.start)}
          {span.status === 'started' && ' so far'}
        </Row>
        {span.firstToken !== undefined && <Row name="First token">after {duration(span.firstToken)}</Row>}
        {span.usage !== undefined && (
          <Row name="Tokens">
            <Tokens usage={span.usage} />
            {speed !== undefined && <span class="faint">, {speed} per second</span>}
          </Row>
        )}
        {span.finishReason !== undefined && (
          <Row name="Finish">
            {visible(span.finishReason)} <span class="faint">{finishText(span.finishReason)}</span>
          </Row>
        )}
        {span.attempt !== undefined && span.attempt > 1 && <Row name="Attempt">{count(span.attempt)}</Row>}
        {span.cause !== undefined && (
          <Row name="Cause">
            <span class="run-bad mono">{visible(span.cause)}</span> {causeText(span.cause)}
          </Row>
        )}
        {span.remembered !== undefined && (
          <Row name="Decided">by a remembered decision: {visible(span.remembered)}</Row>
        )}
      </dl>
      {call !== undefined && (
        <div class="span-call">
          <Part title="Arguments" value={call.arguments} />
          {call.result !== undefined && <Part title="Result" value={parsed(call.result) ?? call.result} />}
          {call.error !== undefined && <Part title="Error" value={call.error} />}
        </div>
      )}
    </div>
  )
}

function Row({ name, children }: { name: string; children: ComponentChildren }): VNode {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}

function Part({ title, value }: { title: string; value: unknown }): VNode {
  return (
    <div class="stack stack-tight">
      <h3 class="small faint">{title}</h3>
      {typeof value === 'string' ? (
        <pre class="code code-wrap run-text" tabIndex={0}>
          {visible(value)}
        </pre>
      ) : (
        <div class="code run-text">
          <Json value={value} />
        </div>
      )}
    </div>
  )
}

interface Call {
  arguments: unknown
  result?: string
  error?: string
}

/** What a call was given and what it returned, as the run's events say. */
function callOf(id: string, events: readonly RunEventLike[]): Call | undefined {
  const told = events.filter(event => event.type === 'tool_call' && event.data['tool_call_id'] === id)
  const [first] = told
  const last = told.at(-1)
  if (first === undefined || last === undefined) return undefined
  const { result, error } = last.data
  return {
    arguments: last.data['arguments'] ?? first.data['arguments'],
    ...(typeof result === 'string' ? { result } : {}),
    ...(typeof error === 'string' ? { error } : {}),
  }
}

function speedOf(span: Span): string | undefined {
  const seconds = span.end - span.start - (span.firstToken ?? 0)
  const tokens = span.usage?.completion_tokens ?? 0
  return span.kind === 'model' && tokens > 1 && seconds > 0.05 ? count(Math.round(tokens / seconds)) : undefined
}
