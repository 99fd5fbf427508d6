// Whether the server can be reached. Views read `restored`: it grows each time when the server is back.
import { signal } from '@preact/signals'

export const connection = signal<'online' | 'offline'>('online')
export const restored = signal(0)

/** Seconds between two attempts, the last one from then on. */
const PAUSES = [1, 2, 3, 5]

/** `fetch`, which notices when the server cannot be reached. */
export async function watched(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  try {
    const response = await fetch(input, init)
    back()
    return response
  } catch (error) {
    const aborted = init?.signal?.aborted === true || (error instanceof DOMException && error.name === 'AbortError')
    if (!aborted) lost()
    throw error
  }
}

function back(): void {
  if (connection.value === 'online') return
  connection.value = 'online'
  restored.value += 1
}

function lost(): void {
  if (connection.value === 'offline') return
  connection.value = 'offline'
  void knock(0)
}

async function knock(attempt: number): Promise<void> {
  await new Promise(done => setTimeout(done, (PAUSES[attempt] ?? 5) * 1000))
  await tryNow()
  if (connection.value === 'offline') void knock(attempt + 1)
}

/** Asks the server now. */
export async function tryNow(): Promise<void> {
  try {
    const base = document.documentElement.dataset['base'] ?? ''
    const response = await fetch(`${base}/health`, { cache: 'no-store' })
    if (response.ok) back()
  } catch {
    // Still gone; the next attempt follows.
  }
}

addEventListener('online', () => void tryNow())
