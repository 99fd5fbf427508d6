import './page'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { page } from './page'

const { window } = page
Object.assign(globalThis, { location: window.location, history: window.history, addEventListener: window.addEventListener.bind(window) })
const { at, go, matchPath, pattern, route, setPatterns, setQuery } = await import('../src/app/router')
setPatterns(['/chat', '/chat/:session', '/runs/:run'])

test('a pattern gives the parts of a path, decoded', () => {
  assert.deepEqual(matchPath('/runs/:run', '/runs/a%2Fb'), { run: 'a/b' })
  assert.equal(matchPath('/runs/:run', '/runs'), null)
  assert.equal(matchPath('/runs/:run', '/runs/'), null)
  assert.equal(matchPath('/runs/:run', '/runs/a/b'), null)
})

test('what is no encoding matches nothing, and breaks nothing', () => {
  assert.equal(matchPath('/runs/:run', '/runs/%E0%A4%A'), null)
})

test('an id that is made into an address comes back the same', () => {
  for (const id of ['plain', 'a/b', 'ä ö?&#', '../..', '%2F']) {
    go(at('chat', id))
    assert.deepEqual(route.value.params, { session: id })
    assert.equal(pattern.value, '/chat/:session')
  }
})

test('without an address it is the chat, and an unknown one has no pattern', () => {
  go('/nothing/here')
  assert.equal(pattern.value, null)
  window.location.hash = ''
  go('/chat')
  assert.equal(route.value.path, '/chat')
})

test('filters are a part of the address, without a step back for each', () => {
  go('/chat')
  const steps = window.history.length
  setQuery({ status: 'failed', agent: 'a b' })
  assert.equal(window.location.hash, '#/chat?status=failed&agent=a+b')
  setQuery({ status: '' })
  assert.equal(route.value.query.get('agent'), 'a b')
  assert.equal(route.value.query.get('status'), null)
  assert.equal(window.history.length, steps)
})
