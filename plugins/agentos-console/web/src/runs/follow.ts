// The events of a run, in batches: a state change for each token would be too many.
import type { RunEventType } from '@agentos-server/client'
import { client } from '../app/session'
import type { RunEventLike } from './eventRows'

/** Milliseconds between two batches. */
const BETWEEN = 100

interface FollowEvents {
  runId: string
  after?: number
  types?: readonly RunEventType[]
  /** Stop after so many; absent: at the run's end. */
  most?: number
  signal: AbortSignal
  onEvents: (events: RunEventLike[]) => void
  onOpen?: () => void
}

/** Read events. Return the number of the last one, and whether the end of the run was seen. */
export async function followEvents({
  runId,
  after = 0,
  types,
  most = Infinity,
  signal,
  onEvents,
  onOpen,
}: FollowEvents): Promise<{ last: number; ended: boolean }> {
  let batch: RunEventLike[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let seen = 0
  let last = after
  let ended = false
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (batch.length > 0 && !signal.aborted) onEvents(batch)
    batch = []
  }
  const onState = (state: string): void => {
    if (state === 'open') onOpen?.()
  }
  const stream = client().runs.follow(runId, {
    after,
    signal,
    throughPauses: true,
    onState,
    ...(types === undefined ? {} : { types }),
  })
  try {
    for await (const event of stream) {
      last = event.id
      ended = event.type === 'complete' || event.type === 'error'
      batch.push({
        id: event.id,
        type: event.type,
        timestamp: event.timestamp,
        data: event.data as unknown as Record<string, unknown>,
      })
      timer ??= setTimeout(flush, BETWEEN)
      if (++seen >= most) break
    }
  } finally {
    flush()
  }
  return { last, ended }
}
