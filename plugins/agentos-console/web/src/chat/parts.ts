// What a run says and does, in the order in which it did.
import { signal, type Signal } from '@preact/signals'
import type { GrowingText } from '../text/growing'

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
