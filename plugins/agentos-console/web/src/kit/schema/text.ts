// JSON as a person types it: parsing with a place for the error, and numbers that JavaScript cannot keep.

import type { Json } from './values'

export type Parsed = { ok: true; value: Json } | { ok: false; message: string }

/** Parse a text as JSON. The message of an error says in which line it is. */
export function parseJson(text: string): Parsed {
  if (text.trim() === '') return { ok: false, message: 'is empty; JSON is expected' }
  try {
    return { ok: true, value: JSON.parse(text) as Json }
  } catch (error) {
    return { ok: false, message: `is not JSON${placeOf(text, String((error as Error).message))}` }
  }
}

function placeOf(text: string, message: string): string {
  const found = /position (\d+)/.exec(message)
  if (found === null) return /end of (JSON )?(input|data)/i.test(message) ? ': it ends too early' : ''
  const before = text.slice(0, Number(found[1])).split('\n')
  return `: line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? ''
}

/**
 * Whether a value has whole numbers beyond 2⁵³, which JavaScript rounds. Such a value is shown, but it must not be sent
 * back: the number would be another one.
 */
export function hasRoundedNumbers(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value)
  if (Array.isArray(value)) return value.some(hasRoundedNumbers)
  if (typeof value === 'object' && value !== null) return Object.values(value).some(hasRoundedNumbers)
  return false
}
