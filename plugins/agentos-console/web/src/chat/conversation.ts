// A conversation: its transcript, the runs that are under way, and what a person sends. It finds by itself what other
// tabs and clients do in the session.
import { batch, signal } from '@preact/signals'
import { APIError } from '@agentos-server/client'
import { may } from '../app/rights'
import { Details } from './details'
import { stateOf, Transcript } from './history'
import { readActive, readNewest, readPage, readSession, renameSession } from './requests'
import { RunState } from './stream'
import { tellTabs } from './tabs'
import { Turn } from './turn'
import type { RunRecord, Session } from './types'
import type { Upload } from './uploads'

/** Milliseconds between two looks at what others did. */
const LOOK = 5_000

export interface Sending {
  text: string
  media: readonly Upload[]
  /** End what the session waits for, rather than wait behind it. */
  interrupt?: boolean
}

export class Conversation {
  readonly session = signal<Session | null>(null)
  readonly turns = signal<readonly Turn[]>([])
  readonly loading = signal(false)
  readonly error = signal<unknown>(null)
  /** Whether there are older messages, and whether they come. */
  readonly older = signal<'none' | 'more' | 'loading'>('none')
  readonly id = signal<string | null>(null)
  #transcript = new Transcript()
  #known = new Map<string, Turn>()
  #live: Turn[] = []
  #newest: string | null = null
  #control = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #details = new Details(() => this.#control.signal)

  constructor(id: string | null) {
    this.id.value = id
    document.addEventListener('visibilitychange', this.look)
  }

  /** Load the last page, and follow what is under way. */
  async load(): Promise<void> {
    const id = this.id.value
    if (id === null) return
    batch(() => {
      this.loading.value = true
      this.error.value = null
    })
    try {
      const [session] = await Promise.all([readSession(id, this.#control.signal), this.#sync()])
      this.session.value = session
    } catch (error) {
      if (!this.#control.signal.aborted) this.error.value = error
    } finally {
      this.loading.value = false
    }
    this.#wait()
  }

  /** Load the page before. */
  async loadOlder(): Promise<void> {
    const { before } = this.#transcript
    if (before === null || this.older.value !== 'more') return
    this.older.value = 'loading'
    try {
      this.#transcript.add(await readPage(this.id.value ?? '', before, this.#control.signal), true)
    } finally {
      this.#show()
    }
  }

  /** Send a message, and follow its run. The session must be there. */
  send(agentId: string, { text, media, interrupt }: Sending): Turn {
    const state = new RunState()
    state.input.value = text
    state.media.value = media.map(({ type, name, contentType, size }) => ({ type, name, content_type: contentType, size }))
    const turn = new Turn(`sent-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`, agentId, state, null)
    turn.uploads = media
    turn.request = {
      agentId,
      body: {
        ...{ input: text, session_id: this.id.value ?? '' },
        ...(media.length ? { media: media.map(one => one.body) } : {}),
        ...(interrupt ? { concurrency: 'interrupt' as const } : {}),
      },
      idempotencyKey: turn.key,
    }
    this.#live.push(turn)
    this.#show()
    void this.#follow(turn).then(() => tellTabs(this.id.value))
    const stop = turn.runId.subscribe(runId => {
      if (runId === null) return
      this.#newest = runId
      tellTabs(this.id.value)
      queueMicrotask(() => stop())
    })
    return turn
  }

  /** Take away a turn that the server refused. */
  drop(turn: Turn): void {
    turn.leave()
    this.#live = this.#live.filter(one => one !== turn)
    this.#show()
  }

  async rename(name: string | null): Promise<void> {
    this.session.value = await renameSession(this.id.value ?? '', name)
  }

  /** See whether others did something in the session. */
  readonly look = (): void => {
    clearTimeout(this.#timer)
    this.#rest()
    if (document.hidden || this.#control.signal.aborted || this.id.value === null) return
    void this.#look().finally(() => this.#wait())
  }

  dispose(): void {
    document.removeEventListener('visibilitychange', this.look)
    clearTimeout(this.#timer)
    this.#control.abort()
    for (const turn of this.turns.value) turn.leave()
  }

  /** A run that waits for a person may wait for days. Hidden tabs keep no connection for it: a browser has few. */
  #rest(): void {
    for (const turn of this.#live) {
      if (turn.state.status.value !== 'paused' || this.#control.signal.aborted) continue
      if (document.hidden) turn.leave()
      else if (!turn.isFollowed) void this.#follow(turn)
    }
  }

  #wait(): void {
    clearTimeout(this.#timer)
    if (!this.#control.signal.aborted) this.#timer = setTimeout(this.look, LOOK)
  }

  async #look(): Promise<void> {
    if (this.loading.value || this.error.value !== null || !may('runs:read')) return
    try {
      const newest = (await readNewest(this.id.value ?? '', this.#control.signal))?.run_id ?? null
      if (newest !== this.#newest && !this.#isSending) await this.#sync()
    } catch (error) {
      if (error instanceof APIError && error.code === 'SESSION_NOT_FOUND') this.error.value = error
    }
  }

  get #isSending(): boolean {
    return this.#live.some(turn => turn.runId.value === null && turn.isFollowed)
  }

  /** What is under way first, then the transcript: a run that ends between the two is in both, and in no case in none. */
  async #sync(): Promise<void> {
    const { signal } = this.#control
    const session_id = this.id.value ?? ''
    const active = await readActive(session_id, signal)
    const [page, newest] = await Promise.all([readPage(session_id, null, signal), readNewest(session_id, signal)])
    // It may have gone from one status to the next while they were asked for.
    if (newest && newest.ended_at === null) active.push(newest)
    const first = page.messages[0]?.sequence
    // So much was said elsewhere that a page does not reach what is here.
    if (!this.#transcript.isEmpty && first !== undefined && page.next_before !== undefined && !this.#transcript.has(first)) {
      this.#transcript = new Transcript()
    }
    this.#transcript.add(page, this.#transcript.isEmpty)
    this.#newest = newest?.run_id ?? null
    const ids = new Set(this.#live.map(turn => turn.runId.value))
    for (const run of active.sort((one, other) => (one.created_at < other.created_at ? -1 : 1))) {
      if (ids.has(run.run_id)) continue
      ids.add(run.run_id)
      this.#live.push(this.#found(run))
    }
    this.#show()
  }

  #found(run: RunRecord): Turn {
    const state = new RunState()
    state.input.value = run.input
    state.media.value = run.media
    state.status.value = run.status
    const turn = new Turn(run.run_id, run.agent_id, state, run.run_id)
    turn.accepted.value = true
    void this.#follow(turn)
    return turn
  }

  async #follow(turn: Turn): Promise<void> {
    await turn.follow()
    this.#details.finish(turn)
  }

  /** Put together what is saved and what is under way. A turn that was followed here stays what it is: it knows more. */
  #show(): void {
    const live = new Map(this.#live.map(turn => [turn.runId.value ?? turn.key, turn]))
    const found: Turn[] = []
    for (const recorded of this.#transcript.turns()) {
      const followed = live.get(recorded.key)
      if (followed) live.delete(recorded.key)
      let turn = followed ?? this.#known.get(recorded.key)
      const size = recorded.messages.length
      if (!turn || (!followed && this.#sizes.get(turn) !== size)) {
        const runId = recorded.run?.run_id ?? (recorded.messages[0]?.run_id || null)
        turn = new Turn(recorded.key, recorded.run?.agent_id ?? this.session.value?.agent_id ?? '', stateOf(recorded), runId)
        this.#known.set(recorded.key, turn)
        this.#sizes.set(turn, size)
        this.#details.want(turn)
      }
      found.push(turn)
    }
    batch(() => {
      this.turns.value = [...found, ...live.values()]
      this.older.value = this.#transcript.before === null ? 'none' : 'more'
    })
  }

  readonly #sizes = new WeakMap<Turn, number>()
}
