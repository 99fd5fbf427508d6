import type { RunEventType, Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { count, duration, plural, visible } from '../kit/format'
import { Json } from '../kit/Json'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { textOf, TYPES, type EventRow } from './eventRows'
import { isLive } from './RunList'
import { useEvents } from './useEvents'

/** The raw events of a run, by type, live while it lasts. */
export function Events({ run }: { run: Schemas['RunDetail'] }): VNode {
  const [types, setTypes] = useState<readonly RunEventType[]>([])
  const [follows, setFollows] = useState(true)
  const isOpen = isLive(run.status) || run.status === 'paused'
  const { rows, ended, reading, error, more, stop } = useEvents(run.run_id, types, isOpen && follows)
  const toggle = (type: RunEventType): void =>
    setTypes(types.includes(type) ? types.filter(one => one !== type) : [...types, type])
  const followNow = (): void => {
    if (follows) stop()
    setFollows(!follows)
  }
  const begin = Date.parse(run.created_at)
  // A row that did not change is the same node, which is not drawn again.
  const nodes = useRef(new WeakMap<EventRow, VNode>())
  const drawn = (row: EventRow): VNode => {
    const node = nodes.current.get(row) ?? <Row key={row.key} row={row} begin={begin} />
    nodes.current.set(row, node)
    return node
  }
  return (
    <div class="stack">
      <div class="row row-wrap" role="group" aria-label="Types of events">
        <Button small kind="quiet" aria-pressed={types.length === 0} onClick={() => setTypes([])}>
          all
        </Button>
        {TYPES.map(type => (
          <Button
            key={type}
            small
            kind="quiet"
            class="mono"
            aria-pressed={types.includes(type)}
            onClick={() => toggle(type)}
          >
            {type}
          </Button>
        ))}
        <span class="grow" />
        {isOpen && (
          <Button small icon={follows ? 'stop' : 'play'} onClick={followNow}>
            {follows ? 'Stop following' : 'Follow'}
          </Button>
        )}
      </div>
      {error !== undefined && <ErrorNotice error={error} what="The events could not be read" retry={more} />}
      {rows.length === 0 && reading && !isOpen && <Loading what="Reading events" />}
      {rows.length === 0 && (!reading || isOpen) && error === undefined && (
        <Empty icon="braces" title={isOpen ? 'No events so far' : 'No events'}>
          {types.length > 0
            ? 'None of these types.'
            : 'They are kept for a day, unless the server is set to another time.'}
        </Empty>
      )}
      {rows.length > 0 && (
        <ul role="list" class="events panel" aria-label="Events">
          {rows.map(drawn)}
        </ul>
      )}
      {rows.length > 0 && (
        <div class="row small faint">
          <span>
            {plural(
              rows.reduce((sum, row) => sum + row.events.length, 0),
              'event',
            )}
          </span>
          {isOpen && follows && reading && <span role="status">following…</span>}
          {!isOpen && !ended && (
            <Button small busy={reading} onClick={more}>
              Show more
            </Button>
          )}
        </div>
      )}
    </div>
  )
}

function Row({ row, begin }: { row: EventRow; begin: number }): VNode {
  const [open, setOpen] = useState(false)
  const at = Math.max(0, (Date.parse(row.timestamp) - begin) / 1000)
  return (
    <li class="event">
      <button type="button" class="event-row" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="event-id faint">
          {row.first === row.last ? count(row.first) : `${count(row.first)}–${count(row.last)}`}
        </span>
        <span class="event-time faint">{duration(at)}</span>
        <span class={`event-type mono${row.type === 'error' ? ' run-bad' : ''}`}>{row.type}</span>
        <span class="event-text clip">{visible(row.summary)}</span>
      </button>
      {open && (
        <div class="event-json">
          {row.events.length > 1 && <pre class="code code-wrap event-whole">{visible(textOf(row))}</pre>}
          <Json
            value={row.events.length === 1 ? shown(row.events[0]) : row.events.map(shown)}
            open={row.events.length === 1 ? 3 : 1}
          />
        </div>
      )}
    </li>
  )
}

const shown = (event: EventRow['events'][number] | undefined): unknown =>
  event === undefined ? null : { id: event.id, timestamp: event.timestamp, data: event.data }
