// A session's transcript as turns: one for each run, and one for each message that was added without a run.
import { finished, nextKey, toolState, type Part, type ToolPart } from './parts'
import { RunState } from './stream'
import type { History, Message, RunDetail, RunRecord } from './types'

/** What came from one run, in order. */
export interface Recorded {
  /** The run's id, or one that is made of the first message's place. */
  key: string
  messages: Message[]
  run: RunRecord | null
}

/** The pages of a transcript that were loaded, in order. */
export class Transcript {
  #messages = new Map<number, Message>()
  #runs: RunRecord[] = []
  /** `before` of the page before; null when the first message is here. */
  before: number | null = null

  /** Take a page in: an older one (the first page is one), or the last one again. */
  add(page: History, isOlder: boolean): void {
    const known = new Map(this.#runs.map(run => [run.run_id, run]))
    for (const message of page.messages) this.#messages.set(message.sequence, message)
    const fresh = page.runs.filter(run => !known.has(run.run_id))
    const latest = new Map(page.runs.map(run => [run.run_id, run]))
    const kept = this.#runs.map(run => latest.get(run.run_id) ?? run)
    this.#runs = isOlder ? [...fresh, ...kept] : [...kept, ...fresh]
    if (isOlder) this.before = page.next_before ?? null
  }

  get isEmpty(): boolean {
    return this.#messages.size === 0 && this.#runs.length === 0
  }

  /** Whether the last page that was loaded joins the ones before. */
  has(sequence: number): boolean {
    return this.#messages.has(sequence)
  }

  /** All that is there, oldest first. Runs without messages stand where they ended. */
  turns(): Recorded[] {
    const found: Recorded[] = []
    const byKey = new Map<string, Recorded>()
    const runs = new Map(this.#runs.map(run => [run.run_id, run]))
    for (const message of [...this.#messages.values()].sort((one, other) => one.sequence - other.sequence)) {
      const last = found.at(-1)
      const alone = message.run_id === ''
      const joins = alone ? last?.run === null && last.key.startsWith('message-') && message.role !== 'user' : byKey.has(message.run_id)
      const turn = joins ? (alone ? last : byKey.get(message.run_id)) : undefined
      if (turn) turn.messages.push(message)
      else {
        const key = alone ? `message-${message.sequence}` : message.run_id
        const made: Recorded = { key, messages: [message], run: runs.get(message.run_id) ?? null }
        found.push(made)
        if (!alone) byKey.set(key, made)
      }
    }
    let at = 0
    for (const run of this.#runs) {
      const turn = byKey.get(run.run_id)
      if (turn) at = found.indexOf(turn) + 1
      else found.splice(at++, 0, { key: run.run_id, messages: [], run })
    }
    return found
  }
}

/** The state of a turn from what is saved of it. */
export function stateOf({ messages, run }: Recorded): RunState {
  const state = new RunState()
  const parts: Part[] = []
  const tools = new Map<string, ToolPart>()
  let turn = 1
  if (run?.reasoning) parts.push(thought(run.reasoning))
  for (const message of messages) {
    if (message.role === 'user') {
      state.input.value = state.input.value ? `${state.input.value}\n\n${message.content}` : message.content
      if (message.media?.length) state.media.value = message.media
    } else if (message.role === 'tool') {
      const called = message.tool_call_id === undefined ? undefined : tools.get(message.tool_call_id)
      if (called) called.state.value = { status: 'completed', result: message.content }
    } else {
      if (message.content) parts.push({ kind: 'text', key: nextKey(), turn, content: finished(message.content) })
      for (const call of message.tool_calls ?? []) {
        const part: ToolPart = {
          ...{ kind: 'tool', key: nextKey(), turn, id: call.id, name: call.name, arguments: parsed(call.arguments) },
          ...{ begun: null, state: toolState({ status: 'unknown' }) },
        }
        parts.push(part)
        tools.set(call.id, part)
      }
      turn += 1
    }
  }
  if (run) fromRun(state, run, parts, messages.length > 0)
  else state.status.value = 'completed'
  state.parts.value = parts
  return state
}

function fromRun(state: RunState, run: RunRecord, parts: Part[], hasMessages: boolean): void {
  if (!hasMessages) {
    state.input.value = run.input
    state.media.value = run.media
    if (run.content) parts.push({ kind: 'text', key: nextKey(), turn: 1, content: finished(run.content) })
  }
  state.status.value = run.status
  state.begun = Date.parse(run.started_at ?? run.created_at)
  state.ended.value = run.ended_at === null ? null : Date.parse(run.ended_at)
  state.facts.value = { usage: run.usage, model: run.model, finishReason: run.finish_reason, duration: run.duration }
  if (run.error && run.status !== 'cancelled') {
    state.failure.value = { message: run.error.message, code: run.error.code, details: run.error.details ?? {} }
  }
}

/** Add what only the run's record has: how long its calls took, which failed, and what was decided about them. */
export function addDetail(state: RunState, detail: RunDetail): void {
  const steps = detail.steps.filter(step => step.type === 'tool_call')
  const decisions = new Map(detail.decisions.map(one => [one.tool_call_id, one]))
  for (const part of state.parts.value) {
    if (part.kind !== 'tool') continue
    const at = steps.findIndex(step => step.tool_call_id === part.id)
    const step = at < 0 ? undefined : steps.splice(at, 1)[0]
    const { result } = part.state.value
    if (step?.status === 'failed') part.state.value = { status: 'failed', error: result, duration: step.duration }
    else if (step) part.state.value = { ...part.state.value, status: step.status, duration: step.duration }
    const decision = decisions.get(part.id)?.decision
    if (decision !== undefined) part.remembered = decision
  }
}

function thought(text: string): Part {
  const ended = new RunState().ended
  return { kind: 'reasoning', key: nextKey(), turn: 0, content: finished(text), begun: null, ended, hidden: false }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
