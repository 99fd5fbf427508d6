// What was begun and not sent, by session; in memory only, so that it ends with the page.
import { signal, type Signal } from '@preact/signals'
import { key } from '../app/session'
import type { Upload } from './uploads'

export interface Draft {
  text: Signal<string>
  files: Signal<readonly Upload[]>
}

const drafts = new Map<string, Draft>()

/** The draft of a place: a session's id, or `new`. */
export function draftOf(place: string): Draft {
  let draft = drafts.get(place)
  if (!draft) drafts.set(place, (draft = { text: signal(''), files: signal([]) }))
  return draft
}

// Another key may be another person's.
key.subscribe(() => drafts.clear())
