// The state of a run, from its events. Applying an event is cheap and writes nothing to the page: the views notice the
// change and write once per frame.
import { batch, signal } from '@preact/signals'
import { GrowingText } from '../text/growing'
import { finished, isTool, nextKey, toolPart, toolState, type CompleteData, type Part, type ReasoningPart, type ToolData } from './parts'
import type { Failure, MediaDescription, PendingAction, RunEvent, Status, Usage } from './types'

export interface Facts {
  usage: Usage | null
  model: string | null
  finishReason: string | null
  /** Seconds. */
  duration: number | null
}

const UNKNOWN: Facts = { usage: null, model: null, finishReason: null, duration: null }

/** What an event means for who follows: `lost`: an event before it never came, so follow again from the start. */
export type Applied = 'ok' | 'lost'

export class RunState {
  readonly input = signal('')
  readonly media = signal<readonly MediaDescription[]>([])
  readonly parts = signal<readonly Part[]>([])
  readonly status = signal<Status | 'sending'>('sending')
  readonly pending = signal<readonly PendingAction[]>([])
  readonly failure = signal<Failure | null>(null)
  readonly facts = signal<Facts>(UNKNOWN)
  /** Times by the server's clock, in milliseconds. */
  begun: number | null = null
  readonly ended = signal<number | null>(null)
  /** The number of the last event that was applied. */
  last = 0
  #turn = 1
  #results = false
  #tokens = 0
  /** Another worker took the run over: the next token says how many are kept. */
  #tookOver = false
  /** The tools that the run waited for, by the ids of the actions. */
  #waited = new Map<string, string>()
  /** What does not fit when it comes a second time is how it is. */
  #again = false

  /** Forget everything: the events come again from the first one. */
  reset(): void {
    this.#again = true
    this.last = this.#tokens = 0
    this.#turn = 1
    this.#results = this.#tookOver = false
    batch(() => {
      this.parts.value = []
      this.pending.value = []
      this.failure.value = null
      this.facts.value = UNKNOWN
    })
  }

  apply(event: RunEvent): Applied {
    const at = Date.parse(event.timestamp)
    this.last = Math.max(this.last, event.id)
    switch (event.type) {
      case 'run_start':
        return this.#start(event.data, at)
      case 'token':
        return this.#token(event.data, at)
      case 'reasoning':
        return this.#reasoning(event.data, at)
      case 'tool_call':
        return this.#tool(event.data, at)
      case 'custom':
        return this.#said(event.data.name, event.data.data)
      case 'paused':
        this.#closeParts(at)
        for (const { id, tool_name } of event.data.pending) this.#waited.set(id, tool_name)
        batch(() => {
          this.pending.value = event.data.pending
          this.status.value = 'paused'
        })
        return 'ok'
      case 'resumed':
        return this.#resume(event.data.answers)
      case 'complete':
        return this.#complete(event.data, at)
      case 'error':
        this.#closeParts(at)
        batch(() => {
          const { message, code, details } = event.data
          this.status.value = code === 'RUN_CANCELLED' ? 'cancelled' : 'failed'
          this.failure.value = code === 'RUN_CANCELLED' ? null : { message, code, details: details ?? {} }
          this.pending.value = []
          this.ended.value = at
          if (this.begun !== null) this.facts.value = { ...this.facts.value, duration: (at - this.begun) / 1000 }
          this.#endTools()
        })
        return 'ok'
      default:
        return 'ok' // `state`, and what later servers may send
    }
  }

  /** The text of the last turn: the answer, so far. */
  get output(): string {
    const texts = this.parts.value.filter(part => part.kind === 'text' && part.turn === this.#turn)
    return texts.map(part => (part.kind === 'text' ? part.content.text : '')).join('')
  }

  #start(data: { input: string; media?: unknown; attempt?: number; kept_turns?: number }, at: number): Applied {
    batch(() => {
      this.status.value = 'running'
      this.input.value = data.input
      if (Array.isArray(data.media)) this.media.value = data.media as MediaDescription[]
      if (!data.attempt) return
      this.#closeParts(at)
      const kept = data.kept_turns ?? 0
      this.parts.value = this.parts.value.filter(part => part.turn <= kept)
      this.#turn = Math.max(kept, 1)
      this.#results = kept > 0
      this.#tookOver = true
      this.#note(kept ? `Another worker continues the run after step ${kept}.` : 'The worker was lost. The run started over.')
    })
    this.begun ??= at
    return 'ok'
  }

  #token({ token, index }: { token: string; index: number }, at: number): Applied {
    if (this.#tookOver || this.#again) this.#tokens = index
    this.#tookOver = false
    if (index !== this.#tokens) return 'lost'
    this.#tokens += 1
    this.#nextTurnAfterResults()
    const last = this.parts.value.at(-1)
    if (last?.kind === 'text' && last.turn === this.#turn) last.content.append(token)
    else {
      this.#closeParts(at)
      this.#add({ kind: 'text', key: nextKey(), turn: this.#turn, content: new GrowingText(token) })
    }
    return 'ok'
  }

  #reasoning({ content, redacted_content }: { content: string; redacted_content?: unknown }, at: number): Applied {
    this.#nextTurnAfterResults()
    const hidden = !content && redacted_content !== undefined
    const last = this.parts.value.at(-1)
    if (last?.kind === 'reasoning' && last.turn === this.#turn) last.content.append(content)
    else if (content || hidden) {
      this.#closeParts(at)
      const part: ReasoningPart = {
        ...{ kind: 'reasoning', key: nextKey(), turn: this.#turn, content: new GrowingText(content) },
        ...{ begun: at, ended: signal(null), hidden },
      }
      this.#add(part)
    }
    return 'ok'
  }

  #tool(data: ToolData, at: number): Applied {
    if (data.status === 'started') {
      this.#nextTurnAfterResults()
      this.#closeParts(at)
      this.#add(toolPart(data, this.#turn, at))
      return 'ok'
    }
    this.#results = true
    const state = { status: data.status, result: data.result, error: data.error, duration: data.duration }
    const found = this.parts.value.findLast(part => isTool(part) && part.id === data.tool_call_id && part.turn === this.#turn)
    if (found && isTool(found)) found.state.value = state
    else this.#add({ ...toolPart(data, this.#turn, at), state: toolState(state) })
    return 'ok'
  }

  #resume(answers: readonly { id: string; decision?: string }[]): Applied {
    this.#results = false
    batch(() => {
      this.status.value = 'running'
      this.pending.value = []
      for (const { id, decision } of answers) {
        const tool = this.#waited.get(id)
        if (tool === undefined) continue
        const did = decision === 'approve' ? 'Approved' : decision === 'reject' ? 'Rejected' : 'Answered'
        this.#note(`${did}: ${tool}`)
      }
    })
    return 'ok'
  }

  #complete(data: CompleteData, at: number): Applied {
    this.#closeParts(at)
    // An answer of which no event is kept any more is in the last one.
    if (this.#tokens === 0 && data.output) this.#add({ kind: 'text', key: nextKey(), turn: this.#turn, content: finished(data.output) })
    else if (this.#results) this.#nextTurnAfterResults()
    if (this.output !== data.output && !this.#again) return 'lost'
    batch(() => {
      this.status.value = 'completed'
      this.pending.value = []
      this.ended.value = at
      this.facts.value = {
        ...{ usage: data.usage, duration: data.duration },
        ...{ model: data.model ?? null, finishReason: data.finish_reason ?? null },
      }
      this.#endTools()
    })
    return 'ok'
  }

  /** Of events with one name, as progress, the last one counts. */
  #said(name: string, data: unknown): Applied {
    const before = this.parts.value.findLast(part => part.kind === 'note' && part.turn === this.#turn && part.data !== undefined && part.text === name)
    if (!before) return this.#note(name, data)
    this.parts.value = this.parts.value.map(part => (part === before ? ({ ...before, data } as Part) : part))
    return 'ok'
  }

  #note(text: string, data?: unknown): Applied {
    this.#add({ kind: 'note', key: nextKey(), turn: this.#turn, text, data })
    return 'ok'
  }

  #add(part: Part): void {
    this.parts.value = [...this.parts.value, part]
  }

  /** A model that speaks after the results of its calls is in its next turn. */
  #nextTurnAfterResults(): void {
    if (!this.#results) return
    const open = this.parts.value.some(part => isTool(part) && part.turn === this.#turn && part.state.value.status === 'started')
    if (open) return
    this.#turn += 1
    this.#results = false
  }

  /** Texts and thoughts do not grow any more once something else follows. */
  #closeParts(at: number): void {
    const last = this.parts.value.at(-1)
    if (last?.kind === 'text') last.content.finish()
    if (last?.kind !== 'reasoning') return
    last.content.finish()
    last.ended.value ??= at
  }

  #endTools(): void {
    for (const part of this.parts.value) {
      if (isTool(part) && part.state.value.status === 'started') part.state.value = { status: 'unknown' }
    }
  }
}
