// What only a run's record says: durations of its calls, which of them failed, decisions; fetched a few at a time.
import { client } from '../app/session'
import { addDetail } from './history'
import type { Turn } from './turn'

/** Records that are fetched at once. */
const TOGETHER = 2

export class Details {
  readonly #signal: () => AbortSignal
  #waiting: Turn[] = []
  #busy = 0

  constructor(signal: () => AbortSignal) {
    this.#signal = signal
  }

  /** Fetch the record of a turn from the transcript, if it called tools; the latest first. */
  want(turn: Turn): void {
    if (turn.runId.value === null || !turn.state.parts.value.some(part => part.kind === 'tool')) return
    this.#waiting.push(turn)
    this.#next()
  }

  /** A turn that was followed to its end knows all of it. */
  finish(turn: Turn): void {
    this.#waiting = this.#waiting.filter(one => one !== turn)
  }

  #next(): void {
    while (this.#busy < TOGETHER) {
      const turn = this.#waiting.pop()
      if (!turn) return
      this.#busy += 1
      void this.#fetch(turn).finally(() => {
        this.#busy -= 1
        this.#next()
      })
    }
  }

  async #fetch(turn: Turn): Promise<void> {
    try {
      addDetail(turn.state, await client().runs.get(turn.runId.value ?? '', { signal: this.#signal(), retries: 0 }))
    } catch {
      // A run that is gone, as of a fork's first session, leaves the calls as they are, without durations.
    }
  }
}
