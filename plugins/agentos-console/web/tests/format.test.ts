import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ago, bytes, count, duration, plural, shortId, visible } from '../src/kit/format'

test('what turns text around, or cannot be seen, is written out', () => {
  assert.equal(visible('user\u202egpj.exe'), 'user⟨U+202E⟩gpj.exe')
  assert.equal(visible('\u2066a\u2069\u200b\u0000\u{e0041}'), '⟨U+2066⟩a⟨U+2069⟩⟨U+200B⟩⟨U+0000⟩⟨U+E0041⟩')
})

test('lines, tabs, Persian and composed emoji stay as they are', () => {
  const text = 'a\tb\r\nc می‌خواهم 👩‍💻 é 中'
  assert.equal(visible(text), text)
})

test('a duration has the unit that fits', () => {
  const cases: [number, string][] = [[0, '0 ms'], [0.0483, '48 ms'], [0.9996, '1.0 s'], [3.21, '3.2 s'], [9.96, '10 s'], [42.4, '42 s'], [59.7, '1 min'], [125, '2 min 5 s'], [12_000, '3 h 20 min'], [200_000, '2 d 8 h']]
  for (const [seconds, text] of cases) assert.equal(duration(seconds), text)
})

test('a time is told from now, and beyond a week by its date', () => {
  const now = Date.parse('2026-11-27T12:00:00Z')
  assert.equal(ago('2026-11-27T11:59:57Z', now), 'just now')
  assert.equal(ago('2026-11-27T11:56:00Z', now), '4 min ago')
  assert.equal(ago('2026-11-27T15:00:00Z', now), 'in 3 h')
  assert.match(ago('2026-10-01T00:00:00Z', now), /2026/)
  assert.equal(ago('never', now), 'never')
})

test('sizes, counts and ids are short', () => {
  assert.deepEqual([bytes(999), bytes(1400), bytes(2_500_000), bytes(3_000_000_000)], ['999 B', '1.4 kB', '2.5 MB', '3.0 GB'])
  assert.deepEqual([count(12_345), plural(1, 'run'), plural(2, 'run')], ['12,345', '1 run', '2 runs'])
  assert.equal(shortId('01a21d5c-c61f-7000'), '01a21d5c-c61…')
})
