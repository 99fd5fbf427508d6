import assert from 'node:assert/strict'
import { test } from 'node:test'

import { compare, fieldChanges, labelOf } from '../src/agents/changes'
import { diffLines, folded } from '../src/agents/lines'
import { countdown } from '../src/approvals/countdown'

const shown = (before: string, after: string) =>
  diffLines(before, after)
    .map(line => ({ same: ' ', add: '+', remove: '-' })[line.op] + line.text)
    .join('|')

test('the difference of two texts is the lines between what is the same', () => {
  assert.equal(shown('a\nb\nc', 'a\nx\nc'), ' a|-b|+x| c')
  assert.equal(shown('a\nb\nc\nd', 'b\nc\nd\ne'), '-a| b| c| d|+e')
  assert.equal(shown('a', 'a'), ' a')
  assert.equal(shown('a\na', 'a'), ' a|-a')
})

test('what is the same is folded but for three lines around', () => {
  const lines = Array.from({ length: 30 }, (_, at) => `line ${at}`)
  const after = [...lines]
  after[15] = 'other'
  const result = folded(diffLines(lines.join('\n'), after.join('\n')))
  assert.deepEqual(result[0], { op: 'gap', lines: 12 })
  assert.equal(result.length, 1 + 3 + 2 + 3 + 1)
  assert.deepEqual(result.at(-1), { op: 'gap', lines: 11 })
})

test('two long texts without a common line do not take for ever', () => {
  const long = (mark: string) => Array.from({ length: 5000 }, (_, at) => mark + at).join('\n')
  assert.equal(diffLines(long('a'), long('b')).length, 10_000)
})

test('a change is shown under the name of its field', () => {
  assert.equal(labelOf('/parameters/a~1b'), 'parameters › a/b')
  const [change] = fieldChanges([{ op: 'replace', path: '/instructions', old: 'be\nkind', value: 'be\nquick' }])
  assert.deepEqual(
    change!.lines.map(line => line.op),
    ['same', 'remove', 'add'],
  )
})

test('two definitions are compared as the server compares versions', () => {
  const changes = compare({ a: 1, list: [1], deep: { x: 1, y: 2 } }, { list: [2], deep: { y: 2, z: 3 } })
  assert.deepEqual(changes, [
    { op: 'remove', path: '/a', old: 1 },
    { op: 'remove', path: '/deep/x', old: 1 },
    { op: 'add', path: '/deep/z', value: 3 },
    { op: 'replace', path: '/list', old: [1], value: [2] },
  ])
})

const NOW = Date.parse('2026-11-27T12:00:00Z')
for (const [seconds, text, state] of [
  [-1, 'expired', 'over'],
  [0, 'expired', 'over'],
  [1, '0:01 left', 'soon'],
  [119, '1:59 left', 'soon'],
  [121, '2:01 left', 'far'],
  [599, '9:59 left', 'far'],
  [3600, '60 min left', 'far'],
  [86400, '24 h left', 'far'],
  [86400 * 30, '30 days left', 'far'],
] as const) {
  test(`${seconds} s before the end, the countdown says "${text}"`, () => {
    const now = countdown(new Date(NOW + seconds * 1000).toISOString(), NOW)
    assert.equal(now.text, text)
    assert.equal(now.state, state)
    assert.ok(now.next === Infinity || now.next <= 3_600_000)
  })
}

test('a list of texts is compared item by item, without the commas of JSON', () => {
  const [change] = fieldChanges([{ op: 'replace', path: '/tools', old: ['a'], value: ['a', 'b'] }])
  assert.deepEqual(change!.lines, [
    { op: 'same', text: 'a' },
    { op: 'add', text: 'b' },
  ])
})
