// What a run did, as spans on one axis: waiting for its turn, calls of models and tools, pauses. A finished run's record
// has its steps; a live run's are read from its events.

import { liveSpans } from './liveSpans'

export type SpanKind = 'queue' | 'model' | 'tool' | 'pause'
export interface TokenUsage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  reasoning_tokens: number
  cached_tokens?: number
}
export interface Span {
  key: string
  kind: SpanKind
  label: string
  status: 'started' | 'completed' | 'failed'
  /** Seconds since the run was accepted. */
  start: number
  end: number
  /** Seconds from the start of the call until the model sent anything. */
  firstToken?: number
  attempt?: number
  finishReason?: string
  usage?: TokenUsage
  cause?: string
  toolCallId?: string
  /** A remembered decision decided about the call. */
  remembered?: string
}
export interface RunTimes {
  status: string
  created_at: string
  started_at: string | null
  ended_at: string | null
  duration: number | null
}
export interface Step {
  number: number
  type: 'model_call' | 'tool_call'
  status: 'started' | 'completed' | 'failed'
  started_at: string
  duration?: number
  model?: string
  attempt?: number
  time_to_first_token?: number
  finish_reason?: string
  usage?: TokenUsage
  tool_name?: string
  tool_call_id?: string
  cause?: string
  remembered?: { decision: string }
}
export interface TimedEvent {
  type: string
  timestamp: string
  data: Record<string, unknown>
}

const LEAST_QUEUE = 0.02

/** Seconds from the acceptance of a run to its end; to now if it has none. */
export function lengthOf(run: RunTimes, now: number): number {
  const created = Date.parse(run.created_at)
  const end = run.ended_at === null ? now : Date.parse(run.ended_at)
  return Math.max(run.ended_at === null ? 0 : (run.duration ?? 0), (end - created) / 1000, 0)
}

/** The spans of a run by its record, with the pauses that its events tell. */
export function spansOf(run: RunTimes, steps: readonly Step[], events: readonly TimedEvent[], now: number): Span[] {
  const created = Date.parse(run.created_at)
  const total = lengthOf(run, now)
  const calls = steps.length > 0 ? steps.map(step => spanOf(step, created, total)) : liveSpans(run, events, total)
  const pauses = pausesOf(created, events, total)
  return [...queueOf(run, created, total), ...calls, ...pauses].sort((one, other) => one.start - other.start)
}

function spanOf(step: Step, created: number, total: number): Span {
  const start = Math.max(0, (Date.parse(step.started_at) - created) / 1000)
  const isModel = step.type === 'model_call'
  return {
    key: `step-${step.number}`,
    kind: isModel ? 'model' : 'tool',
    label: (isModel ? step.model : step.tool_name) ?? (isModel ? 'model' : 'tool'),
    status: step.status,
    start,
    end: step.duration === undefined ? Math.max(start, total) : start + step.duration,
    ...given('firstToken', step.time_to_first_token),
    ...given('attempt', step.attempt),
    ...given('finishReason', step.finish_reason),
    ...given('usage', step.usage),
    ...given('cause', step.cause),
    ...given('toolCallId', step.tool_call_id),
    ...given('remembered', step.remembered?.decision),
  }
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): { [key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { [key in Name]?: Value }
}

function queueOf(run: RunTimes, created: number, total: number): Span[] {
  const end =
    run.started_at === null ? (run.ended_at === null ? total : 0) : (Date.parse(run.started_at) - created) / 1000
  if (end < LEAST_QUEUE) return []
  const waits = run.started_at === null
  return [{ key: 'queue', kind: 'queue', label: 'queued', status: waits ? 'started' : 'completed', start: 0, end }]
}

function pausesOf(created: number, events: readonly TimedEvent[], total: number): Span[] {
  const pauses: Span[] = []
  let open: Span | undefined
  for (const event of events) {
    const at = (Date.parse(event.timestamp) - created) / 1000
    if (event.type === 'paused' && open === undefined) {
      open = { key: `pause-${pauses.length}`, kind: 'pause', label: 'paused', status: 'started', start: at, end: total }
      pauses.push(open)
    } else if (open !== undefined && ['resumed', 'complete', 'error'].includes(event.type)) {
      Object.assign(open, { end: at, status: 'completed' })
      open = undefined
    }
  }
  return pauses
}
