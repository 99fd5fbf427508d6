import type { RunEventType } from '@agentos-server/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { isAbort } from '../kit/errors'
import { addEvents, type EventRow, type RunEventLike } from './eventRows'
import { followEvents } from './follow'

const PAGE = 1000

export interface RunEvents {
  rows: readonly EventRow[]
  /** Whether the last event of the run was read. */
  ended: boolean
  reading: boolean
  error: unknown
  more: () => void
  /** Stop following a live run; the rows stay. */
  stop: () => void
}

interface State {
  rows: readonly EventRow[]
  last: number
  ended: boolean
  reading: boolean
  error: unknown
}

const NOTHING: State = { rows: [], last: 0, ended: false, reading: true, error: undefined }

/** The events of a run, filtered by type: a page of 1,000 at a time, or live. */
export function useEvents(runId: string, types: readonly RunEventType[], live: boolean): RunEvents {
  const [state, setState] = useState<State>(NOTHING)
  const control = useRef<AbortController | null>(null)
  const key = types.join(',')

  const read = (after: number): void => {
    control.current?.abort()
    const mine = (control.current = new AbortController())
    setState(before => ({ ...(after === 0 ? NOTHING : before), reading: true, error: undefined }))
    const onEvents = (events: RunEventLike[]): void => {
      // Events that end a run or a pause pass each filter of the server.
      const wanted = types.length === 0 ? events : events.filter(event => types.some(type => type === event.type))
      setState(before => ({ ...before, rows: addEvents(before.rows, wanted), last: events.at(-1)?.id ?? before.last }))
    }
    followEvents({ runId, after, types, most: live ? Infinity : PAGE, signal: mine.signal, onEvents }).then(
      ({ last, ended }) => {
        if (!mine.signal.aborted)
          setState(before => ({ ...before, last: Math.max(last, before.last), ended, reading: false }))
      },
      (error: unknown) => {
        if (!mine.signal.aborted && !isAbort(error)) setState(before => ({ ...before, error, reading: false }))
      },
    )
  }
  useEffect(() => {
    read(0)
    return () => control.current?.abort()
  }, [runId, key])
  // A live run that ended is read to its end; one that is followed again continues where it was.
  const wasLive = useRef(live)
  useEffect(() => {
    if (live && !wasLive.current) read(state.last)
    wasLive.current = live
  }, [live])
  return {
    rows: state.rows,
    ended: state.ended,
    reading: state.reading,
    error: state.error,
    more: () => read(state.last),
    stop: () => {
      control.current?.abort()
      setState(before => ({ ...before, reading: false }))
    },
  }
}
