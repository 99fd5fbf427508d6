import { useEffect, useState } from 'preact/hooks'
import { isAbort } from '../kit/errors'
import { STRUCTURE, type RunEventLike } from './eventRows'
import { followEvents } from './follow'

interface Structure {
  events: readonly RunEventLike[]
  error: unknown
}

/**
 * The events of a run but for its text, live until its end. `onChange` is called when they say that its record is
 * another one now: a pause, an answer, the end.
 */
export function useStructure(runId: string, onChange: () => unknown): Structure {
  const [state, setState] = useState<Structure>({ events: [], error: undefined })
  useEffect(() => {
    const control = new AbortController()
    setState({ events: [], error: undefined })
    const began = Date.now()
    const onEvents = (events: RunEventLike[]): void => {
      setState(before => ({ ...before, events: [...before.events, ...events] }))
      const turns = events.filter(event => ['paused', 'resumed', 'complete', 'error'].includes(event.type))
      // What happened before this page was opened is in the record that it has.
      if (turns.some(event => Date.parse(event.timestamp) > began - 5000)) onChange()
    }
    followEvents({ runId, types: STRUCTURE, signal: control.signal, onEvents }).catch((error: unknown) => {
      if (!control.signal.aborted && !isAbort(error)) setState(before => ({ ...before, error }))
    })
    return () => control.abort()
  }, [runId])
  return state
}
