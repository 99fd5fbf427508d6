import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Block, LIMIT, TABLE_ROWS } from '../src/text/block'
import { BlockStream, blocksOf } from '../src/text/blocks'
import { cutAt, mended } from '../src/text/cut'
import { marked } from 'marked'

const EVERYTHING = `# Title
Some *text* with \`code\` and a [link](https://example.com/a_b).
second line

Another paragraph
===

- one
- two

  continued
  \`\`\`js
  const a = 1

  # no heading
  \`\`\`
- three
1. first
1. second

> quoted
lazy

    indented

    code
| a | b |
|---|:-:|
| 1 | 2 |
| 3 | 4 |

text
| not | a table
---
***
~~~python
x = "\`\`\`"
~~~
\`\`\`
open to the end
`

/** A pseudorandom number generator, so that a failure can be repeated. */
function random(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 32
  }
}

function inParts(text: string, next: () => number, longest: number): BlockStream {
  const stream = new BlockStream()
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + Math.floor(next() * longest)
    stream.append(text.slice(at, end))
    stream.tail()
    at = end
  }
  stream.finish()
  return stream
}

const plain = (stream: BlockStream) => ({ blocks: stream.blocks as Block[], definitions: stream.definitions })
const kinds = (text: string) => blocksOf(text).blocks.map(block => block.kind)
const pieces = (text: string) => blocksOf(text).blocks.map(block => block.pieces)

test('how a text is cut when it arrives makes no difference', () => {
  const pathological = [
    'word '.repeat(3000) + '\n\nend',
    '- item\n'.repeat(1000),
    '* **bold** `' + 'x'.repeat(20_000) + '\n- next\n\nend',
    '|a|b|\n|-|-|\n' + '|1|2|\n'.repeat(700) + '\nend',
    '```\n' + 'line\n'.repeat(500) + '```\nend',
    '>'.repeat(5000) + '\n\n' + ' '.repeat(3000) + '\nx\n' + '`'.repeat(3000),
    '[a]: https://example.com\n\n[a] [b]\n\n[b]: https://example.org',
    EVERYTHING.repeat(30),
  ]
  for (const [number, text] of [EVERYTHING, ...pathological].entries()) {
    const whole = plain(blocksOf(text))
    for (let seed = 1; seed <= 20; seed += 1) {
      const next = random(seed * 7919 + number)
      assert.deepEqual(plain(inParts(text, next, seed % 2 ? 7 : 900)), whole, `text ${number}, seed ${seed}`)
    }
  }
})

test('texts of random Markdown are split in the same way however they arrive', () => {
  const words = ['# ', '- ', '1. ', '2) ', '> ', '    ', '\n', '\n', '\n\n', '```', '~~~', 'a|b', '|-|-|', '---', '===', 'word ', '**', '_', '`', '[x](', ')', '\r\n', '\t', '* * *']
  for (let seed = 1; seed <= 300; seed += 1) {
    const next = random(seed)
    const text = Array.from({ length: 60 }, () => words[Math.floor(next() * words.length)]).join('')
    assert.deepEqual(plain(inParts(text, next, 5)), plain(blocksOf(text)), `seed ${seed}: ${JSON.stringify(text)}`)
  }
})

test('no letter of a text is lost', () => {
  for (const text of [EVERYTHING, 'word '.repeat(3000), '- item\n'.repeat(900), 'x'.repeat(50_000)]) {
    const whole = blocksOf(text)
      .blocks.flatMap(block => block.pieces)
      .join('')
    const letters = (value: string) => value.replace(/[\s`~]|python/g, '')
    assert.equal(letters(whole), letters(text))
  }
})

test('a block is what marked sees, too', () => {
  const html = (text: string) => marked.parse(text, { async: false, gfm: true, breaks: true }).replace(/\s+/g, ' ').trim()
  for (const text of [
    'a\n\nb',
    '- a\n- b\n\nc',
    '- a\n\n  b\n- c\n\nd',
    '1. a\n   - b\n   - c\n2. d\n\n# e',
    'a\n- b\n- c',
    '> a\nb\n\nc',
    'a\n> b',
    'a\n***\nb',
    'a\n---\nb',
    '    code\n\n    more\n\ntext',
    '- a\n* b\n+ c',
    'a\n1. b\n\na\n2. c',
    '# a\nb\n## c',
  ]) {
    const joined = blocksOf(text).blocks.map(block => html(block.pieces.join(''))).join(' ')
    assert.equal(joined, html(text), text)
  }
})

test('a paragraph is frozen at the blank line after it', () => {
  const stream = new BlockStream()
  stream.append('One *two')
  assert.equal(stream.tail()?.text, 'One *two')
  stream.append('*\n\nThree')
  assert.deepEqual(stream.blocks[0], { kind: 'paragraph', pieces: ['One *two*\n'], tail: '', closed: true, language: '' })
  assert.equal(stream.tail()?.text, 'Three')
})

test('code is read as it stands, until its fence', () => {
  assert.deepEqual(blocksOf('````md\n```\n# a\n```\n````\nb').blocks.map(one => [one.kind, one.language, one.pieces]), [
    ['code', 'md', ['```\n# a\n```\n']],
    ['paragraph', '', ['b\n']],
  ])
})

test('the fence that ends code is not shown while it arrives', () => {
  const stream = new BlockStream()
  stream.append('```js\na\n``')
  assert.equal(stream.tail()?.text, 'a\n')
  assert.equal(stream.tail()?.language, 'js')
})

test('a line below a paragraph makes a heading of it', () => {
  assert.deepEqual(kinds('a\n===\nb'), ['flow', 'paragraph'])
})

test('a table begins at its dashes, and text before its head stays text', () => {
  assert.deepEqual(pieces('text\n| a | b |\n|---|---|\n| 1 | 2 |\n\nend'), [
    ['text\n'],
    ['| a | b |\n|---|---|\n', '| 1 | 2 |\n'],
    ['end\n'],
  ])
})

test('a long table is shown as several, each with the head', () => {
  const { blocks } = blocksOf('|a|b|\n|-|-|\n' + '|1|2|\n'.repeat(TABLE_ROWS + 1))
  assert.deepEqual(blocks.map(block => block.pieces[0]), ['|a|b|\n|-|-|\n', '|a|b|\n|-|-|\n'])
  assert.deepEqual(blocks.map(block => block.pieces.slice(1).join('').split('\n').length - 1), [TABLE_ROWS, 1])
})

test('a long list keeps its numbers from piece to piece', () => {
  const items = Array.from({ length: 600 }, (_, number) => `1. item ${number + 1}\n`).join('')
  const { blocks } = blocksOf(items)
  assert.equal(blocks.length, 1)
  const found = blocks[0]?.pieces.slice(1) ?? []
  assert.ok(found.length > 1)
  for (const piece of found) assert.match(piece, /^(\d+)\. item \1\n/)
})

test('no piece is longer than the limit, for any text', () => {
  const texts = ['x', '> ', '- ', '  - ', '[', '*', '|a', '`', '\t'].map(part => part.repeat(60_000))
  for (const text of [...texts, '- a\n' + '  b\n'.repeat(50_000), '> a\n'.repeat(30_000)]) {
    for (const block of blocksOf(text).blocks) {
      for (const piece of block.pieces) assert.ok(piece.length <= LIMIT + 2_100, `${piece.length} of ${text.slice(0, 9)}`)
    }
  }
})

test('the middle of a long line begins nothing, though it looks like a mark', () => {
  for (const mark of ['# ', '- ', '> ', '```', '| a |', '    ']) {
    const line = 'x'.repeat(1000) + mark + 'y'.repeat(1000 - mark.length) + mark.repeat(500)
    assert.deepEqual([...new Set(kinds(line))], ['paragraph'], mark)
    assert.equal(pieces(line).flat().join('').trim(), line.trim(), mark)
  }
})

test('splitting takes time in proportion to the length', () => {
  // A line that never ends is the worst: each token would read it again.
  const stream = new BlockStream()
  const start = performance.now()
  for (let number = 0; number < 200_000; number += 1) stream.append('word ')
  stream.finish()
  assert.ok(performance.now() - start < 5_000)
})

test('a long paragraph is cut between words, where nothing is open', () => {
  const text = 'aaa **bbb ccc** ddd `e f g h` iii [jjj kkk](https://example.com/) lll'
  for (let size = 6; size < text.length; size += 1) {
    const before = text.slice(0, cutAt(text, size))
    assert.ok(before.length <= size)
    if (size > 24) assert.equal((before.match(/\*\*/g) ?? []).length % 2, 0, before)
  }
})

test('a cut is never inside a character', () => {
  assert.equal(cutAt('😀'.repeat(10), 5), 4)
})

test('open marks are closed while a text grows', () => {
  assert.equal(mended('a **b'), 'a **b**')
  assert.equal(mended('a **b *c'), 'a **b *c***')
  assert.equal(mended('a `b'), 'a `b`')
  assert.equal(mended('a **'), 'a **')
  assert.equal(mended('2 * 3'), '2 * 3')
  assert.equal(mended('snake_case and _b'), 'snake_case and _b_')
  assert.equal(mended('see [the page](https://exam'), 'see ')
  assert.equal(mended('see [1] and'), 'see [1] and')
})
