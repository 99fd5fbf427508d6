// What a run says and does, in the order in which it did.
import { signal, type Signal } from '@preact/signals'
import { GrowingText } from '../text/growing'
import type { Usage } from './types'

export interface TextPart {
  kind: 'text'
  key: number
  turn: number
  content: GrowingText
}

export interface ReasoningPart {
  kind: 'reasoning'
  key: number
  turn: number
  content: GrowingText
  /** Milliseconds since the epoch, by the server's clock; unknown of a run from the history. */
  begun: number | null
  ended: Signal<number | null>
  hidden: boolean
}

export interface ToolState {
  status: 'started' | 'completed' | 'failed' | 'unknown'
  result?: string | undefined
  error?: string | undefined
  duration?: number | undefined
}

export interface ToolPart {
  kind: 'tool'
  key: number
  turn: number
  id: string
  name: string
  arguments: unknown
  begun: number | null
  state: Signal<ToolState>
  /** What a person decided about it. */
  remembered?: string | undefined
}

/** Something that happened between: a decision, a lost worker, an event of the agent's own. */
export interface NotePart {
  kind: 'note'
  key: number
  turn: number
  text: string
  data?: unknown
}

export type Part = TextPart | ReasoningPart | ToolPart | NotePart

export const toolState = (state: ToolState): Signal<ToolState> => signal(state)

let keys = 0
export const nextKey = (): number => ++keys

/** The data of an event of a tool call. */
export interface ToolData {
  tool_call_id: string
  tool_name: string
  arguments?: unknown
  status: 'started' | 'completed' | 'failed'
  result?: string
  error?: string
  duration?: number
  remembered?: { decision?: string }
}

/** The data of the event of a good end. */
export interface CompleteData {
  output: string
  duration: number
  usage: Usage
  model?: string
  finish_reason?: string
}

export const isTool = (part: Part): part is ToolPart => part.kind === 'tool'

export function toolPart(data: ToolData, turn: number, at: number): ToolPart {
  return {
    ...{ kind: 'tool', key: nextKey(), turn, id: data.tool_call_id, name: data.tool_name, arguments: data.arguments },
    ...{ begun: at, state: toolState({ status: 'started' }), remembered: data.remembered?.decision },
  }
}

/** A text that is complete. */
export function finished(text: string): GrowingText {
  const made = new GrowingText(text)
  made.finish()
  return made
}
