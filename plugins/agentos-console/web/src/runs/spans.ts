// What a run did, as spans on one axis: waiting for its turn, calls of models and tools, pauses. The record of a run that
// has ended or is paused has its timeline; a live run's is read from its events.

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
/** A span as the API tells it. */
export interface RecordedSpan {
  kind: 'queue' | 'model_call' | 'tool_call' | 'pause'
  status: Span['status']
  start: number
  duration?: number
  name?: string
  step?: number
  attempt?: number
  time_to_first_token?: number
  cause?: string
}
export interface RunTimes {
  status: string
  created_at: string
  started_at: string | null
  ended_at: string | null
  duration: number | null
  timeline: readonly RecordedSpan[]
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

/** Seconds from the acceptance of a run to its end; to now if it has none. */
export function lengthOf(run: RunTimes, now: number): number {
  const created = Date.parse(run.created_at)
  const end = run.ended_at === null ? now : Date.parse(run.ended_at)
  return Math.max(run.ended_at === null ? 0 : (run.duration ?? 0), (end - created) / 1000, 0)
}

/** The spans of a run: by its record, or while it runs by its events. */
export function spansOf(run: RunTimes, steps: readonly Step[], events: readonly TimedEvent[], now: number): Span[] {
  const created = Date.parse(run.created_at)
  const total = lengthOf(run, now)
  // What a run waited for in vain is not kept with it; only its events tell of that pause.
  const told = pausesOf(created, events, total)
  const recorded = run.timeline.map((span, place) => spanOf(span, place, steps, total))
  const isRecorded = recorded.some(isCall)
  const kept = recorded.filter(span => span.kind === 'pause')
  const pauses = told.length > kept.length || !isRecorded ? told : kept
  const calls = isRecorded ? recorded.filter(isCall) : liveSpans(run, events, total)
  const queue = run.started_at === null && run.ended_at === null ? queueOf(total) : recorded.filter(isQueue)
  return [...queue, ...calls, ...pauses].sort((one, other) => one.start - other.start)
}

const isCall = (span: Span): boolean => span.kind === 'model' || span.kind === 'tool'
const isQueue = (span: Span): boolean => span.kind === 'queue'

const KINDS = { queue: 'queue', model_call: 'model', tool_call: 'tool', pause: 'pause' } as const
const LABELS = { queue: 'queued', model: 'model', tool: 'tool', pause: 'paused' } as const

function spanOf(span: RecordedSpan, place: number, steps: readonly Step[], total: number): Span {
  const kind = KINDS[span.kind]
  const step = steps.find(one => one.number === span.step)
  return {
    key: step === undefined ? `${kind}-${place}` : `step-${step.number}`,
    kind,
    label: span.name ?? LABELS[kind],
    status: span.status,
    start: span.start,
    end: span.duration === undefined ? Math.max(span.start, total) : span.start + span.duration,
    ...given('firstToken', span.time_to_first_token),
    ...given('attempt', span.attempt),
    ...given('cause', span.cause),
    ...given('finishReason', step?.finish_reason),
    ...given('usage', step?.usage),
    ...given('toolCallId', step?.tool_call_id),
    ...given('remembered', step?.remembered?.decision),
  }
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): { [key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { [key in Name]?: Value }
}

function queueOf(total: number): Span[] {
  return [{ key: 'queue', kind: 'queue', label: 'queued', status: 'started', start: 0, end: total }]
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
