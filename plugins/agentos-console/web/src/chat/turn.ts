// One turn of a conversation: what a person said and what its run answers, followed to its end.
import { signal } from '@preact/signals'
import { APIError, ConnectionError, type RunBody } from '@agentos-server/client'
import { client } from '../app/session'
import { isAbort } from '../kit/errors'
import type { RunState } from './stream'
import type { Upload } from './uploads'

/** What `follow` begins with: a request to send, or a run that is there. */
export interface Request {
  agentId: string
  body: RunBody
  idempotencyKey: string
}

export class Turn {
  readonly key: string
  readonly state: RunState
  /** The run, as soon as the server has accepted it. */
  readonly runId = signal<string | null>(null)
  /** The connection is lost, and the client tries again. */
  readonly reconnecting = signal(false)
  /** The server has accepted it, and it waits for its turn in the session. */
  readonly accepted = signal(false)
  readonly stopping = signal(false)
  /** What was sent; absent of a run that was found. */
  request: Request | null = null
  /** The files that were sent along, as long as this page has them. */
  uploads: readonly Upload[] = []
  agentId: string
  #control: AbortController | null = null

  constructor(key: string, agentId: string, state: RunState, runId: string | null) {
    this.key = key
    this.agentId = agentId
    this.state = state
    this.runId.value = runId
  }

  /** Whether events are awaited. */
  get isFollowed(): boolean {
    return this.#control !== null
  }

  /** Send the request, or follow the run, and apply its events until it ends. A pause is waited through. */
  async follow(): Promise<void> {
    if (this.#control) return
    const control = (this.#control = new AbortController())
    this.state.failure.value = null
    try {
      while ((await this.#read(control.signal)) === 'lost') this.state.reset()
    } catch (error) {
      if (!control.signal.aborted && !isAbort(error)) this.#fail(error)
    } finally {
      if (this.#control === control) this.#control = null
      this.reconnecting.value = false
    }
  }

  async #read(signal: AbortSignal): Promise<'ended' | 'lost'> {
    const { runs } = client()
    const options = {
      ...{ signal, throughPauses: true },
      onState: (state: string) => {
        this.reconnecting.value = state === 'waiting'
        if (state === 'open') this.#accept(stream.runId)
      },
    }
    const runId = this.runId.value
    const { request } = this
    const stream =
      runId !== null || !request
        ? runs.follow(runId ?? '', { ...options, after: this.state.last })
        : runs.stream(request.agentId, request.body, { ...options, idempotencyKey: request.idempotencyKey })
    const pace = new Pace()
    for await (const event of stream) {
      this.#accept(event.run_id)
      if (this.state.apply(event) === 'lost') return 'lost'
      await pace.keep()
    }
    return 'ended'
  }

  #accept(runId: string | undefined): void {
    if (runId === undefined || this.accepted.value) return
    this.runId.value = runId
    this.accepted.value = true
    if (this.state.status.value === 'sending') this.state.status.value = 'queued'
    if (this.stopping.value) void this.stop()
  }

  #fail(error: unknown): void {
    const { state } = this
    if (error instanceof APIError) {
      const { message, code, details, requestId } = error
      state.failure.value = { message, code, details, requestId }
    } else {
      const message = error instanceof ConnectionError ? 'The server cannot be reached.' : 'Something unexpected happened.'
      state.failure.value = { message, code: '', details: {} }
    }
    // A run that was accepted may not have ended: it is followed again, not sent again.
    if (this.runId.value === null) state.status.value = 'failed'
  }

  /** Cancel the run; one that is not accepted yet, as soon as it is. */
  async stop(): Promise<void> {
    this.stopping.value = true
    const runId = this.runId.value
    if (runId === null) return
    try {
      await client().runs.cancel(runId)
    } finally {
      this.stopping.value = false
    }
  }

  /** Ask what the run still waits for: answers come one by one, from here or from others. */
  async refreshPending(): Promise<void> {
    if (this.runId.value === null) return
    const { pending, status } = await client().runs.get(this.runId.value)
    if (this.state.status.value === 'paused') this.state.pending.value = status === 'paused' ? pending : []
  }

  /** Stop following. The run continues. */
  leave(): void {
    this.#control?.abort()
    this.#control = null
  }
}

/** Lets the page draw and react while events come that were there already, thousands at once. */
class Pace {
  #begun = performance.now()

  async keep(): Promise<void> {
    if (performance.now() - this.#begun < 6) return
    await new Promise<void>(done => {
      const channel = new MessageChannel()
      channel.port1.onmessage = () => {
        channel.port1.close()
        done()
      }
      channel.port2.postMessage(null)
    })
    this.#begun = performance.now()
  }
}
