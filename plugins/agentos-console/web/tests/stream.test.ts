import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunEvent } from '@agentos-server/client'
import { RunState, type Applied } from '../src/chat/stream'
import type { Part } from '../src/chat/parts'

/** Events of a run, numbered from 1, a second apart. */
function run(...events: [RunEvent['type'], object][]): RunEvent[] {
  return events.map(([type, data], number) => event(number + 1, type, data))
}

function event(id: number, type: RunEvent['type'], data: object): RunEvent {
  const timestamp = new Date(Date.UTC(2026, 0, 1, 0, 0, id)).toISOString()
  return { id, type, timestamp, run_id: 'r', agent_id: 'a', data } as unknown as RunEvent
}

const start: [RunEvent['type'], object] = ['run_start', { input: 'Hi' }]
const token = (text: string, index: number): [RunEvent['type'], object] => ['token', { token: text, index }]
const call = (id: string, status: string, more: object = {}): [RunEvent['type'], object] => ['tool_call', { tool_call_id: id, tool_name: 'look', arguments: { id }, status, ...more }]
const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, reasoning_tokens: 0 }
const complete = (output: string): [RunEvent['type'], object] => ['complete', { output, duration: 1.5, usage, token_count: 2, loops: 1, status: 'completed', model: 'x:y', finish_reason: 'stop' }]

function applied(events: readonly RunEvent[], state = new RunState()): { state: RunState; results: Applied[] } {
  return { state, results: events.map(one => state.apply(one)) }
}

function shown(part: Part): string {
  switch (part.kind) {
    case 'text':
      return `text ${part.content.text}`
    case 'reasoning':
      return `thought ${part.content.text}`
    case 'tool':
      return `${part.id} ${part.state.value.status}`
    case 'note':
      return `note ${part.text}`
  }
}

const parts = (state: RunState): string[] => state.parts.value.map(shown)

test('the tokens of a run are its text, to the letter', () => {
  const { state, results } = applied(run(start, token('Hel', 0), token('lo\n', 1), token('', 2), token('😀', 3), complete('Hello\n😀')))
  assert.deepEqual(parts(state), ['text Hello\n😀'])
  assert.ok(results.every(one => one === 'ok'))
  assert.equal(state.status.value, 'completed')
  assert.equal(state.output, 'Hello\n😀')
})

test('text, thoughts and calls stand in the order in which they came', () => {
  const { state } = applied(
    run(start, ['reasoning', { content: 'Hm' }], token('Look. ', 0), call('c1', 'started'), call('c2', 'started'), call('c2', 'completed', { result: 'two', duration: 0.1 }), call('c1', 'failed', { error: 'no' }), ['reasoning', { content: 'So' }], token('Done', 1), complete('Done')),
  )
  assert.deepEqual(parts(state), ['thought Hm', 'text Look. ', 'c1 failed', 'c2 completed', 'thought So', 'text Done'])
  assert.equal(state.output, 'Done')
})

test('a call id that a later turn uses again is another call', () => {
  const { state } = applied(run(start, call('c', 'started'), call('c', 'completed', { result: '1' }), call('c', 'started'), call('c', 'failed', { error: '2' })))
  assert.deepEqual(parts(state), ['c completed', 'c failed'])
})

test('a thought lasts until something else comes', () => {
  const { state } = applied(run(start, ['reasoning', { content: 'a' }], ['reasoning', { content: 'b' }], token('c', 0)))
  const [thought] = state.parts.value
  assert.ok(thought?.kind === 'reasoning')
  assert.equal((thought.ended.value ?? 0) - (thought.begun ?? 0), 2000)
})

test('a token that is missing is noticed, and the run is read again from its start', () => {
  const events = run(start, token('a', 0), token('b', 1), token('c', 2), complete('abc'))
  const state = new RunState()
  assert.deepEqual([0, 1, 3].map(at => state.apply(events[at]!)), ['ok', 'ok', 'lost'])
  state.reset()
  assert.ok(applied(events, state).results.every(one => one === 'ok'))
  assert.deepEqual(parts(state), ['text abc'])
})

test('an answer that ends otherwise than its tokens is read again, and then taken as it is', () => {
  const events = run(start, token('a', 0), complete('b'))
  const { state, results } = applied(events)
  assert.deepEqual(results, ['ok', 'ok', 'lost'])
  state.reset()
  assert.deepEqual(applied(events, state).results, ['ok', 'ok', 'ok'])
  assert.equal(state.status.value, 'completed')
})

test('what a lost worker said does not count after the run started over', () => {
  const { state, results } = applied(run(start, token('old ', 0), token('text', 1), call('c', 'started'), ['run_start', { input: 'Hi', attempt: 2 }], token('new', 0), complete('new')))
  assert.deepEqual(parts(state), ['note The worker was lost. The run started over.', 'text new'])
  assert.ok(results.every(one => one === 'ok'))
})

test('turns that a takeover keeps stay, and what came after them does not', () => {
  const { state, results } = applied(
    run(start, token('one', 0), call('c', 'started'), call('c', 'completed', { result: 'x' }), token('lost', 1), ['run_start', { input: 'Hi', attempt: 2, kept_turns: 1 }], token('two', 1), complete('two')),
  )
  assert.deepEqual(parts(state), ['text one', 'c completed', 'note Another worker continues the run after step 1.', 'text two'])
  assert.ok(results.every(one => one === 'ok'))
})

test('a pause shows what is waited for, and the answer ends it', () => {
  const pending = [{ id: 'p1', kind: 'approval', tool_name: 'refund', tool_call_id: 'c', arguments: {} }]
  const paused = applied(run(start, token('I pay', 0), ['paused', { pending }])).state
  assert.equal(paused.status.value, 'paused')
  assert.deepEqual(paused.pending.value.map(one => one.id), ['p1'])
  // Answered here already, so that nothing is shown any more when the event comes.
  paused.pending.value = []
  for (const one of [event(4, 'resumed', { answers: [{ id: 'p1', decision: 'approve' }] }), event(5, ...call('c', 'started')), event(6, ...call('c', 'completed', { result: 'ok' })), event(7, ...token('Paid', 1)), event(8, ...complete('Paid'))]) {
    assert.equal(paused.apply(one), 'ok')
  }
  assert.deepEqual(parts(paused), ['text I pay', 'note Approved: refund', 'c completed', 'text Paid'])
})

test('calls around a pause are of one turn', () => {
  const pending = [{ id: 'p', kind: 'approval', tool_name: 'b', tool_call_id: 'b', arguments: {} }]
  const { state } = applied(run(start, call('a', 'started'), call('a', 'completed', { result: '1' }), ['paused', { pending }], ['resumed', { answers: [{ id: 'p', decision: 'approve' }] }], call('b', 'started')))
  assert.deepEqual(state.parts.value.filter(part => part.kind === 'tool').map(part => part.turn), [1, 1])
})

test('a failure keeps what was said, and says why', () => {
  const { state } = applied(run(start, token('Half', 0), call('c', 'started'), ['error', { error: 'x', message: 'no credit', code: 'EXECUTION_ERROR', details: { cause: 'QUOTA_EXHAUSTED' } }]))
  assert.deepEqual(parts(state), ['text Half', 'c unknown'])
  assert.deepEqual(state.failure.value, { message: 'no credit', code: 'EXECUTION_ERROR', details: { cause: 'QUOTA_EXHAUSTED' } })
  assert.equal(state.facts.value.duration, 3)
})

test('a run that was stopped is no failure', () => {
  const { state } = applied(run(start, ['error', { error: 'x', message: 'cancelled', code: 'RUN_CANCELLED' }]))
  assert.equal(state.status.value, 'cancelled')
  assert.equal(state.failure.value, null)
})

test('a run of which only the end is kept shows its answer', () => {
  const { state, results } = applied([event(9, ...complete('All'))])
  assert.deepEqual(results, ['ok'])
  assert.deepEqual(parts(state), ['text All'])
})

test('of the events that an agent sends with one name, the last one is shown', () => {
  const { state } = applied(run(start, ['custom', { name: 'progress', data: 1 }], ['custom', { name: 'source', data: 'a' }], ['custom', { name: 'progress', data: 2 }]))
  assert.deepEqual(state.parts.value.map(part => (part.kind === 'note' ? [part.text, part.data] : [])), [['progress', 2], ['source', 'a']])
})

test('events that are not known change nothing', () => {
  const { state, results } = applied(run(start, ['state', { delta: [] }], ['later' as 'state', {}]))
  assert.deepEqual(results, ['ok', 'ok', 'ok'])
  assert.deepEqual(parts(state), [])
})

test('10,000 tokens are applied in much less time than they take to arrive', () => {
  const state = new RunState()
  const begun = performance.now()
  for (let index = 0; index < 10_000; index += 1) state.apply(event(index + 1, 'token', { token: 'word ', index }))
  assert.ok(performance.now() - begun < 3_000)
})
