import assert from 'node:assert/strict'
import { test } from 'node:test'

import { definitionOf, draftOf, EMPTY, idFrom } from '../src/agents/draft'
import { askedBy, decisionOf, type Action } from '../src/approvals/answers'
import { addEvents, type RunEventLike } from '../src/runs/eventRows'

const WHOLE = {
  id: 'guide',
  name: 'Guide',
  description: 'Knows the way.',
  model: 'openai:gpt-5-mini',
  instructions: 'Be brief.\n',
  tools: ['search', 'web/*'],
  approve: ['search'],
  parameters: { temperature: 0.2, stop: ['x'] },
  output_schema: { type: 'object' },
  output_retries: 1,
  history_turns: 0,
  max_turns: 5,
  concurrency: 'reject',
  allow_overrides: [],
  retry_on_crash: true,
  metadata: { team: 'a' },
  later: 'a field that this page does not know',
}

test('a definition comes out of the editor as it went in', () => {
  assert.deepEqual(definitionOf(draftOf(WHOLE), WHOLE), { definition: WHOLE, problems: {} })
})

test('what is empty is left out of a definition', () => {
  const draft = { ...EMPTY, id: 'a', model: 'openai:b' }
  assert.deepEqual(definitionOf(draft), { definition: { id: 'a', model: 'openai:b' }, problems: {} })
})

test('a temperature that is no number stays in the parameters', () => {
  const definition = { id: 'a', model: 'x:y', parameters: { temperature: { low: 0 } } }
  assert.deepEqual(definitionOf(draftOf(definition)).definition, definition)
})

for (const [field, value, problem] of [
  ['id', '-a', /letters/],
  ['model', 'gpt', /provider/],
  ['temperature', 'warm', /number/],
  ['maxTurns', '0', /from 1 to 1000/],
  ['parameters', '[]', /object/],
  ['parameters', '{', /JSON/],
  ['outputRetries', '1.5', /whole number/],
] as const) {
  test(`the editor says what is wrong with ${field} ${value}`, () => {
    const { problems } = definitionOf({ ...EMPTY, id: 'a', model: 'x:y', [field]: value })
    assert.deepEqual(Object.keys(problems), [field])
    assert.match(problems[field]!, problem)
  })
}

const ACTION: Action = { id: 'a1', kind: 'approval', tool_name: 't', tool_call_id: 'c', arguments: {}, remember: true }

test('a decision is remembered only if the arguments were not edited', () => {
  const given = { message: ' fine ', remember: true }
  assert.deepEqual(decisionOf(ACTION, 'approve', given), {
    id: 'a1',
    decision: 'approve',
    message: 'fine',
    remember: 'session',
  })
  assert.deepEqual(decisionOf(ACTION, 'approve', { ...given, arguments: { a: 1 } }), {
    id: 'a1',
    decision: 'approve',
    arguments: { a: 1 },
    message: 'fine',
  })
})

test('a rejection never has arguments', () => {
  assert.deepEqual(decisionOf(ACTION, 'reject', { arguments: { a: 1 }, message: '', remember: false }), {
    id: 'a1',
    decision: 'reject',
  })
})

test('who asks is said in words', () => assert.equal(askedBy('tool,plugin:policy'), 'the tool and plugin policy'))

const event = (id: number, type: string, data: Record<string, unknown> = {}): RunEventLike => ({
  id,
  type,
  data,
  timestamp: '',
})

test('tokens that follow each other are one row, also when they come later', () => {
  const rows = addEvents(
    [],
    [event(1, 'run_start', { input: 'hi' }), event(2, 'token', { token: 'a' }), event(3, 'token', { token: ' b' })],
  )
  assert.deepEqual(
    rows.map(row => [row.first, row.last, row.summary]),
    [
      [1, 1, 'hi'],
      [2, 3, 'a b'],
    ],
  )
  const more = addEvents(rows, [event(4, 'token', { token: 'c' }), event(5, 'complete', { output: 'a bc' })])
  assert.deepEqual(
    more.map(row => [row.first, row.last, row.summary]),
    [
      [1, 1, 'hi'],
      [2, 4, 'a bc'],
      [5, 5, 'a bc'],
    ],
  )
  assert.equal(more[0], rows[0])
})

test('a row takes at most 200 tokens, and its summary one line', () => {
  const rows = addEvents(
    [],
    Array.from({ length: 450 }, (_, at) => event(at + 1, 'token', { token: 'word\n' })),
  )
  assert.deepEqual(
    rows.map(row => row.events.length),
    [200, 200, 50],
  )
  assert.ok(rows.every(row => row.summary.length <= 200 && !row.summary.includes('\n')))
})

test('the id of a new agent follows from its name', () => {
  assert.equal(idFrom(' Élan & Travel guide 2! '), 'elan-travel-guide-2')
  assert.equal(idFrom('日本'), '')
})
