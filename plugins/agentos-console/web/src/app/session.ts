// The client of the public API, and the key that it sends. The key lives as long as the tab, and nowhere else.
import { AgentOS } from '@agentos-server/client'
import { computed, signal } from '@preact/signals'
import { watched } from './connection'

const STORED = 'agentos.key'

/** The path under which the server is reached; empty at the root of a host. */
export const base = document.documentElement.dataset['base'] ?? ''

/** What the page is called, by the server's setting. */
export const title = document.title

/** The key that was entered, or null. */
export const key = signal<string | null>(sessionStorage.getItem(STORED))

/** Whether the server refused a request for want of a valid key. */
export const locked = signal(false)

async function guarded(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const sent = key.value
  const response = await watched(input, init)
  // An answer to a key that was replaced since says nothing about the new one.
  if (response.status === 401 && sent === key.value) locked.value = true
  return response
}

const current = computed(() => connect(key.value))

/** A client with another key than the current one, for trying it. */
export function connect(other: string | null, fetcher: typeof fetch = guarded): AgentOS {
  return new AgentOS({ baseUrl: location.origin + base, fetch: fetcher, ...(other === null ? {} : { key: other }) })
}

/** The client. Ask for it at each use: it changes with the key. */
export const client = (): AgentOS => current.value

/** Keeps a key that the server accepted. */
export function setKey(accepted: string): void {
  sessionStorage.setItem(STORED, accepted)
  key.value = accepted
  locked.value = false
}

/** Forgets the key, in this tab. */
export function forget(): void {
  sessionStorage.removeItem(STORED)
  key.value = null
  locked.value = true
}
