import './page'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { page } from './page'

const { window } = page
Object.assign(globalThis, { location: window.location, history: window.history, addEventListener: window.addEventListener.bind(window), sessionStorage: window.sessionStorage })
const { describe, may, missing, read, rights } = await import('../src/app/rights')

const having = (...scopes: string[]): void => {
  rights.value = read({ authentication: 'on', owner: 'ada', name: 'key', scopes, effective_scopes: scopes, expires_at: null })
}

test('a scope gives what it says, and no more', () => {
  having('runs:read', 'agents:run:guide')
  assert.ok(may('runs:read') && may('agents:run:guide') && may('agents:run:*'))
  assert.ok(!may('runs:cancel') && !may('agents:run:other') && !may('agents:run') && !may('admin'))
})

test('a wider scope gives the narrower ones', () => {
  having('agents:run')
  assert.ok(may('agents:run:any-agent') && may('agents:run:*'))
  having('runs:approve:any')
  assert.ok(may('runs:approve'))
  having('admin')
  assert.ok(may('tools:call') && may('settings:read') && may('agents:run:x'))
})

test('nothing is allowed before the server has said so', () => {
  rights.value = null
  assert.ok(!may('runs:read'))
})

test('what is missing is named, with how to get it', () => {
  having('runs:read')
  assert.equal(missing('runs:read'), undefined)
  assert.match(missing('tools:call') ?? '', /tools:call/)
})

test('an answer that is not as it should be gives nothing', () => {
  assert.deepEqual(read({ authentication: 'on', scopes: 'admin', effective_scopes: [1, null, { admin: true }] }).effective, [])
})

test('a scope of a plugin is shown as it is', () => {
  assert.deepEqual(describe(['things:read', 'agents:run:guide']), [{ scope: 'things:read', words: 'things:read' }, { scope: 'agents:run:guide', words: 'run the agent guide' }])
})
