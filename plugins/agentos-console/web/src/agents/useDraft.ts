// Drafts of agents, kept while the page lives: a look at another view loses none. Nothing is stored in the browser.
import { effect } from '@preact/signals'
import { useState } from 'preact/hooks'
import { key } from '../app/session'
import { draftOf, type Draft } from './draft'
import type { Tagged } from './stored'

interface Kept {
  draft: Draft
  /** What it was begun with, with the tag that a save has to name. */
  base: Tagged
}

const kept = new Map<string, Kept>()

// Another key must not see what was typed with the one before.
let typedWith = key.peek()
effect(() => {
  if (key.value !== typedWith) kept.clear()
  typedWith = key.value
})

const begin = (tagged: Tagged): Kept => ({
  draft: draftOf({ ...tagged.agent.definition, id: tagged.agent.id }),
  base: tagged,
})

interface UsedDraft extends Kept {
  change: (changes: Partial<Draft>) => void
  reset: (tagged: Tagged) => void
}

export function useDraft(tagged: Tagged): UsedDraft {
  const id = tagged.agent.id
  const [state, setState] = useState<Kept>(() => kept.get(id) ?? begin(tagged))
  // Nothing was typed yet, and the agent is at another version now.
  const current = state.base.tag !== tagged.tag && !kept.has(id) ? begin(tagged) : state
  return {
    ...current,
    change: changes => {
      const next = { ...current, draft: { ...current.draft, ...changes } }
      kept.set(id, next)
      setState(next)
    },
    reset: to => {
      kept.delete(id)
      setState(begin(to))
    },
  }
}
