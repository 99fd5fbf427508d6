import assert from 'node:assert/strict'
import { test } from 'node:test'

import { check } from '../src/kit/schema/check'
import { exampleOf, fieldsOf, startOf } from '../src/kit/schema/fields'
import { hasRoundedNumbers, parseJson } from '../src/kit/schema/text'

const REFUND = {
  type: 'object',
  properties: {
    amount: { type: 'integer', minimum: 1, maximum: 1000 },
    reason: { anyOf: [{ type: 'string', minLength: 1 }, { type: 'null' }], default: null },
    speed: { enum: ['slow', 'fast'] },
    tags: { type: 'array', items: { type: 'string' } },
    account: { $ref: '#/$defs/account' },
  },
  required: ['amount', 'account'],
  additionalProperties: false,
  $defs: { account: { type: 'object', properties: { 'a/b': { type: 'boolean' } }, required: ['a/b'] } },
}

const said = (value: unknown, schema: unknown) => check(value, schema).map(one => `${one.path} ${one.message}`)

test('a value that fits has no problems', () => {
  const value = { amount: 5, reason: null, speed: 'fast', tags: ['a'], account: { 'a/b': true } }
  assert.deepEqual(check(value, REFUND), [])
})

for (const [name, value, problem] of [
  ['a number out of range', { amount: 5000, account: { 'a/b': true } }, '/amount has to be at most 1000'],
  ['a text in place of a number', { amount: '5', account: { 'a/b': true } }, '/amount has to be a whole number'],
  ['a missing field', { account: { 'a/b': true } }, '/amount is missing'],
  ['a field that is not known', { amount: 5, account: { 'a/b': true }, x: 1 }, '/x is not a known field'],
  [
    'what is behind a reference, with an escaped name',
    { amount: 5, account: { 'a/b': 1 } },
    '/account/a~1b has to be true or false',
  ],
  ["the option of the value's type", { amount: 5, reason: '', account: { 'a/b': true } }, '/reason must not be empty'],
  ['a choice', { amount: 5, speed: 'warp', account: { 'a/b': true } }, '/speed has to be one of slow, fast'],
  ["a list's item", { amount: 5, tags: ['a', 1], account: { 'a/b': true } }, '/tags/1 has to be a text'],
] as const) {
  test(`the check names the place of ${name}`, () => assert.deepEqual(said(value, REFUND), [problem]))
}

test('a schema that refers to itself ends', () => {
  const loop = { $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }
  assert.deepEqual(check({ a: 1 }, loop), [])
  const tree = { type: 'object', properties: { child: { $ref: '#' } }, required: ['child'] }
  assert.equal(typeof exampleOf(tree), 'object')
})

test('a multiple of 0.1 is no matter of rounding', () => assert.deepEqual(check(0.3, { multipleOf: 0.1 }), []))

test("a form has the fields in the schema's order, with their kinds", () => {
  const fields = fieldsOf(REFUND)!.map(field => [field.name, field.kind, field.required, field.nullable])
  assert.deepEqual(fields, [
    ['amount', 'integer', true, false],
    ['reason', 'text', false, true],
    ['speed', 'choice', false, false],
    ['tags', 'texts', false, false],
    ['account', 'json', true, false],
  ])
  assert.deepEqual(startOf(REFUND), {})
})

for (const schema of [
  true,
  {},
  { type: 'array' },
  { type: 'object' },
  { type: 'object', properties: {} },
  { anyOf: [{ type: 'object', properties: { a: {} } }], properties: { a: {} } },
  { type: 'object', properties: { a: {} }, additionalProperties: { type: 'string' } },
]) {
  test(`no form for ${JSON.stringify(schema)}: it is edited as JSON`, () => assert.equal(fieldsOf(schema), null))
}

test('an example has the required fields', () => {
  assert.deepEqual(exampleOf(REFUND), { amount: 1, account: { 'a/b': false } })
})

test('what is not JSON is said with its line', () => {
  const parsed = parseJson('{\n  "a": 1,\n  b\n}')
  assert.equal(parsed.ok, false)
  assert.match(parsed.ok ? '' : parsed.message, /line 3, column 3/)
})

test('numbers that JavaScript rounds are found at any depth', () => {
  assert.equal(hasRoundedNumbers({ a: [JSON.parse('12345678901234567890')] }), true)
  assert.equal(hasRoundedNumbers({ a: [2 ** 53 - 1, 0.1, '12345678901234567890'] }), false)
})
