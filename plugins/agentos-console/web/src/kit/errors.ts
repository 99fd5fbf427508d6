// What went wrong, in words: the message, the code and the request id.
import { APIError, ConnectionError } from '@agentos-server/client'
import { visible } from './format'

export interface Described {
  title: string
  facts: string[]
}

/** An error as a person reads it. */
export function describeError(error: unknown): Described {
  if (error instanceof APIError) {
    const facts = [error.code, error.requestId && `request ${error.requestId}`]
    return { title: sentence(visible(error.message)), facts: facts.filter(fact => typeof fact === 'string' && fact !== '') as string[] }
  }
  if (isUnreachable(error)) return { title: 'The server cannot be reached.', facts: [] }
  if (error instanceof Error) return { title: sentence(visible(error.message)), facts: [] }
  return { title: 'Something unexpected happened.', facts: [] }
}

/** Whether there was no answer at all. Browsers say so with a `TypeError`, each in words of its own. */
export const isUnreachable = (error: unknown): boolean => error instanceof ConnectionError || (error instanceof TypeError && /fetch|network|load failed|dynamically imported/i.test(error.message))

/** Whether an error only says that its request was given up. */
export const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'

/** Whether an error has a status, as 404. */
export const hasStatus = (error: unknown, status: number): boolean => error instanceof APIError && error.status === status

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?…]$/.test(first) ? first : first + '.'
}
