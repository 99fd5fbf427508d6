// The events of a run as rows of a page: tokens that follow each other are one row, so that an answer of 10,000 tokens
// is readable, and each can be opened.

import type { RunEventType } from '@agentos-server/client'

export interface RunEventLike {
  id: number
  type: string
  timestamp: string
  data: Record<string, unknown>
}
export interface EventRow {
  key: string
  first: number
  last: number
  type: string
  timestamp: string
  /** What is shown on the row's one line. */
  summary: string
  events: RunEventLike[]
}

const MOST_IN_A_ROW = 200
const MOST_SUMMARY = 200
export const TYPES: readonly RunEventType[] = [
  ...(['run_start', 'reasoning', 'token', 'tool_call', 'custom'] as const),
  ...(['state', 'paused', 'resumed', 'complete', 'error'] as const),
]
/** What a timeline needs: everything but the text. */
export const STRUCTURE = TYPES.filter(type => type !== 'token' && type !== 'reasoning')

/** Add events to rows; the rows that did not change stay the same objects. */
export function addEvents(rows: readonly EventRow[], events: readonly RunEventLike[]): EventRow[] {
  const last = rows.at(-1)
  const [first] = events
  const joins = last !== undefined && first !== undefined && isText(first.type) && last.type === first.type
  // Rows are made once for a batch, and not for each token.
  const groups: RunEventLike[][] = joins ? [[...last.events]] : []
  for (const event of events) {
    const group = groups.at(-1)
    if (group !== undefined && isText(event.type) && group[0]?.type === event.type && group.length < MOST_IN_A_ROW)
      group.push(event)
    else groups.push([event])
  }
  const isFull = joins && groups[0]?.length === last.events.length
  const made = (isFull ? groups.slice(1) : groups).map(rowOf)
  return [...(joins && !isFull ? rows.slice(0, -1) : rows), ...made]
}

function rowOf(events: RunEventLike[]): EventRow {
  const first = events[0]!
  return {
    key: String(first.id),
    first: first.id,
    last: events.at(-1)!.id,
    type: first.type,
    timestamp: first.timestamp,
    summary: summaryOf(first, events),
    events,
  }
}

/** The text of tokens, or of reasoning, joined. */
export const textOf = (row: EventRow): string =>
  row.events.map(one => words(one.data['token'] ?? one.data['content'])).join('')

const isText = (type: string) => type === 'token' || type === 'reasoning'

function summaryOf(event: RunEventLike, events: readonly RunEventLike[]): string {
  const data = event.data
  switch (event.type) {
    case 'token':
      return short(events.map(one => words(one.data['token'])).join(''))
    case 'reasoning':
      return short(events.map(one => words(one.data['content'])).join(''))
    case 'run_start':
      return short(data['attempt'] === undefined ? words(data['input']) : `attempt ${words(data['attempt'])}`)
    case 'tool_call': {
      const outcome =
        data['status'] === 'failed'
          ? data['error']
          : data['status'] === 'completed'
            ? data['result']
            : data['arguments']
      return short(`${words(data['tool_name'])} ${words(data['status'])} ${words(outcome)}`)
    }
    case 'custom':
      return short(`${words(data['name'])} ${words(data['data'])}`)
    case 'paused':
      return short(
        listOf(data['pending'])
          .map(one => words((one as Record<string, unknown>)['tool_name']))
          .join(', '),
      )
    case 'resumed':
      return short(
        listOf(data['answers'])
          .map(one => words((one as Record<string, unknown>)['decision'] ?? 'answered'))
          .join(', '),
      )
    case 'complete':
      return short(words(data['output']))
    case 'error':
      return short(`${words(data['code'])} ${words(data['message'])}`)
    default:
      return short(words(data))
  }
}

function words(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function short(text: string): string {
  const line = text.slice(0, MOST_SUMMARY * 2).replace(/\s+/g, ' ')
  return line.length > MOST_SUMMARY ? `${line.slice(0, MOST_SUMMARY - 1)}…` : line
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value.filter(one => typeof one === 'object' && one !== null) : []
}
