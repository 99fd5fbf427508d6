import assert from 'node:assert/strict'
import { test } from 'node:test'

import { axisOf } from '../src/runs/axis'
import { lengthOf, spansOf, type RecordedSpan, type Span, type Step, type TimedEvent } from '../src/runs/spans'

const BEGIN = Date.parse('2026-11-27T12:00:00Z')
const at = (seconds: number) => new Date(BEGIN + seconds * 1000).toISOString()
const run = (over: object = {}) => ({
  status: 'completed',
  created_at: at(0),
  started_at: at(0),
  ended_at: at(10),
  duration: 10,
  timeline: [] as RecordedSpan[],
  ...over,
})
const event = (type: string, seconds: number, data: Record<string, unknown> = {}): TimedEvent => ({
  type,
  timestamp: at(seconds),
  data,
})
const shown = (spans: Span[]) =>
  spans.map(span => `${span.kind} ${span.label} ${span.start}-${span.end} ${span.status}`)

const STEPS: Step[] = [
  {
    number: 1,
    type: 'model_call',
    status: 'failed',
    started_at: at(1),
    duration: 1,
    model: 'openai:a',
    attempt: 1,
    cause: 'PROVIDER_ERROR',
  },
  {
    number: 2,
    type: 'model_call',
    status: 'completed',
    started_at: at(2.5),
    duration: 2,
    model: 'openai:a',
    attempt: 2,
    time_to_first_token: 0.5,
  },
  {
    number: 3,
    type: 'tool_call',
    status: 'completed',
    started_at: at(4.5),
    duration: 3,
    tool_name: 'search',
    tool_call_id: 'c1',
  },
]

const CALLS: RecordedSpan[] = [
  { kind: 'model_call', status: 'failed', start: 1, duration: 1, name: 'openai:a', step: 1, cause: 'PROVIDER_ERROR' },
  {
    kind: 'model_call',
    status: 'completed',
    start: 2.5,
    duration: 2,
    name: 'openai:a',
    step: 2,
    time_to_first_token: 0.5,
  },
  { kind: 'tool_call', status: 'completed', start: 4.5, duration: 3, name: 'search', step: 3 },
]

test("a finished run's spans are those of its timeline, with more from its steps", () => {
  const queue: RecordedSpan = { kind: 'queue', status: 'completed', start: 0, duration: 1 }
  const spans = spansOf(run({ started_at: at(1), timeline: [queue, ...CALLS] }), STEPS, [], BEGIN)
  assert.deepEqual(shown(spans), [
    'queue queued 0-1 completed',
    'model openai:a 1-2 failed',
    'model openai:a 2.5-4.5 completed',
    'tool search 4.5-7.5 completed',
  ])
  assert.equal(spans[1]!.cause, 'PROVIDER_ERROR')
  assert.equal(spans[2]!.firstToken, 0.5)
  assert.equal(spans[3]!.toolCallId, 'c1')
})

test("a step without an end lasts until the run's end", () => {
  const open: RecordedSpan = { kind: 'tool_call', status: 'started', start: 4.5, name: 'search', step: 3 }
  assert.deepEqual(shown(spansOf(run({ timeline: [open] }), STEPS, [], BEGIN)), ['tool search 4.5-10 started'])
})

test('pauses come from the record, and stay when the events are gone', () => {
  const pause: RecordedSpan = { kind: 'pause', status: 'completed', start: 7.5, duration: 2 }
  const spans = spansOf(run({ timeline: [...CALLS, pause] }), STEPS, [], BEGIN)
  assert.deepEqual(shown(spans.filter(span => span.kind === 'pause')), ['pause paused 7.5-9.5 completed'])
})

test('pauses that the record does not keep come from the events, and an open one lasts until now', () => {
  const events = [event('paused', 3), event('resumed', 5), event('paused', 8)]
  const live = run({ status: 'paused', ended_at: null, duration: null })
  const spans = spansOf(live, STEPS, events, BEGIN + 20_000).filter(span => span.kind === 'pause')
  assert.deepEqual(shown(spans), ['pause paused 3-5 completed', 'pause paused 8-20 started'])
})

test("a live run's spans are read from its events", () => {
  const events = [
    event('run_start', 0.5),
    event('token', 1),
    event('tool_call', 2, { tool_call_id: 'a', tool_name: 'one', status: 'started' }),
    event('tool_call', 2, { tool_call_id: 'b', tool_name: 'two', status: 'started' }),
    event('tool_call', 3, { tool_call_id: 'a', tool_name: 'one', status: 'failed' }),
    event('tool_call', 4, { tool_call_id: 'b', tool_name: 'two', status: 'completed' }),
    event('token', 5),
  ]
  const live = run({ status: 'running', ended_at: null, duration: null })
  const spans = spansOf(live, [], events, BEGIN + 6000)
  assert.deepEqual(shown(spans), [
    'model model 0.5-2 completed',
    'tool one 2-3 failed',
    'tool two 2-4 completed',
    'model model 4-6 started',
  ])
  assert.equal(spans[0]!.firstToken, 0.5)
})

test('a run that another worker continues begins again: what was open failed', () => {
  const live = run({ status: 'running', ended_at: null, duration: null })
  const spans = spansOf(
    live,
    [],
    [event('run_start', 0), event('token', 1), event('run_start', 3, { attempt: 2 })],
    BEGIN + 5000,
  )
  assert.deepEqual(shown(spans), ['model model 0-3 failed', 'model model 3-5 started'])
})

test('a run that waits for its turn has one span', () => {
  const queued = run({ status: 'queued', started_at: null, ended_at: null, duration: null })
  assert.equal(lengthOf(queued, BEGIN + 4000), 4)
  assert.deepEqual(shown(spansOf(queued, [], [], BEGIN + 4000)), ['queue queued 0-4 started'])
})

test('without long waits, the axis is even', () => {
  const axis = axisOf(spansOf(run({ timeline: CALLS }), STEPS, [], BEGIN), 10)
  assert.equal(axis.at(0), 0)
  assert.equal(axis.at(5), 0.5)
  assert.equal(axis.at(10), 1)
  assert.deepEqual(
    axis.ticks.map(tick => tick.seconds),
    [0, 2, 4, 6, 8, 10],
  )
})

test('a pause of days leaves room for calls of seconds', () => {
  const days = 3 * 86400
  const spans: Span[] = [
    { key: 'm', kind: 'model', label: 'm', status: 'completed', start: 0, end: 4 },
    { key: 'p', kind: 'pause', label: 'paused', status: 'completed', start: 4, end: 4 + days },
    { key: 't', kind: 'tool', label: 't', status: 'completed', start: 4 + days, end: 10 + days },
  ]
  const axis = axisOf(spans, 10 + days)
  assert.deepEqual([...axis.squeezed], ['p'])
  assert.ok(Math.abs(axis.at(4) - 0.352) < 1e-9)
  assert.ok(Math.abs(axis.at(4 + days) - 0.472) < 1e-9)
  assert.equal(axis.at(10 + days), 1)
  const places = axis.ticks.map(tick => tick.at)
  assert.deepEqual(
    places,
    [...places].sort((one, other) => one - other),
  )
})

test('a run without length has an axis', () => {
  const axis = axisOf([], 0)
  assert.equal(axis.at(0), 0)
  assert.deepEqual(axis.ticks, [])
})
