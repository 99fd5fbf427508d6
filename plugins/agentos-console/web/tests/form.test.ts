import assert from 'node:assert/strict'
import { test } from 'node:test'

import { fieldsOf, startOf } from '../src/kit/schema/fields'
import { canShow, entriesOf, valueOf } from '../src/kit/schema/form'

const SCHEMA = {
  type: 'object',
  properties: {
    to: { type: 'string' },
    amount: { type: 'integer' },
    note: { type: ['string', 'null'] },
    fast: { type: 'boolean' },
    speed: { enum: [1, 'two', null] },
    tags: { type: 'array', items: { type: 'string' } },
    more: { type: 'object' },
  },
  required: ['to', 'amount'],
}
const fields = fieldsOf(SCHEMA)!

test('a value comes out of a form as it went in', () => {
  const value = { to: 'a', amount: 5, fast: false, speed: 'two', tags: ['x', 'y'], more: { deep: [1] } }
  assert.deepEqual(valueOf(fields, entriesOf(fields, value)), { value, problems: {} })
  assert.equal(canShow(fields, value), true)
})

test('what is left empty is absent, and said where it is needed', () => {
  assert.deepEqual(valueOf(fields, {}), { value: {}, problems: { to: 'is needed', amount: 'is needed' } })
})

for (const [text, problem] of [
  ['x', /number/],
  ['12345678901234567890', /exactly/],
] as const) {
  test(`the form does not take the number ${text}`, () => {
    assert.match(valueOf(fields, { to: 'a', amount: text }).problems['amount']!, problem)
  })
}

for (const [name, value] of [
  ['a field that the schema does not name', { to: 'a', amount: 1, other: 1 }],
  ['a value of another type', { to: 5, amount: 1 }],
  ['a list item with two lines', { to: 'a', amount: 1, tags: ['a\nb'] }],
  ['no object', 'text'],
] as const) {
  test(`a form does not show ${name}, so that nothing is lost: JSON does`, () =>
    assert.equal(canShow(fields, value), false))
}

test('a list of numbers that may be null has a field, and begins empty', () => {
  const schema = {
    type: 'object',
    properties: { years: { anyOf: [{ type: 'array', items: { type: 'integer' } }, { type: 'null' }], default: null } },
  }
  const [years] = fieldsOf(schema)!
  assert.equal(years!.kind, 'numbers')
  assert.deepEqual(startOf(schema), {})
  assert.equal(canShow([years!], startOf(schema)), true)
  assert.deepEqual(valueOf([years!], { years: '2024, 2025\n2026' }).value, { years: [2024, 2025, 2026] })
  assert.match(valueOf([years!], { years: 'soon' }).problems['years']!, /numbers/)
})
