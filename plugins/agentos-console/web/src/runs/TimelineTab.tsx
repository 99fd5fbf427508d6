import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { Empty, ErrorNotice } from '../kit/Notice'
import { isLive } from './RunList'
import { SpanTable } from './SpanTable'
import { Timeline } from './Timeline'
import { lengthOf, spansOf } from './spans'
import { useNow } from './useNow'
import { useStructure } from './useStructure'

interface TimelineTabProps {
  run: Schemas['RunDetail']
  onChanged: () => unknown
}

/** What the run did: as bars on one axis, or as a table. */
export function TimelineTab({ run, onChanged }: TimelineTabProps): VNode {
  const { events, error } = useStructure(run.run_id, onChanged)
  const [asTable, setAsTable] = useState(false)
  const isOpen = isLive(run.status) || run.status === 'paused'
  const now = useNow(isOpen ? 250 : undefined)
  const spans = useMemo(() => spansOf(run, run.steps, events, now), [run, events, now])
  if (spans.length === 0) {
    return (
      <>
        {error !== undefined && <ErrorNotice error={error} what="The run could not be followed" />}
        <Empty icon="clock" title={isOpen ? 'Nothing has happened yet' : 'No calls are recorded'}>
          {isOpen
            ? 'Calls of models and tools appear here as they begin.'
            : 'This run called no model of the server and no tool.'}
        </Empty>
      </>
    )
  }
  return (
    <div class="stack">
      {error !== undefined && (
        <ErrorNotice error={error} what="The run could not be followed; what is shown comes from its record" />
      )}
      <div class="row row-wrap row-spread">
        <Legend kinds={new Set(spans.map(span => span.kind))} />
        <Button small kind="quiet" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          Show as a table
        </Button>
      </div>
      {asTable ? <SpanTable spans={spans} /> : <Timeline spans={spans} length={lengthOf(run, now)} events={events} />}
      {run.steps.length >= 100 && (
        <p class="small faint">Of very many calls, the record keeps the first and the last ones.</p>
      )}
    </div>
  )
}

const NAMES = { queue: 'waiting for its turn', model: 'model', tool: 'tool', pause: 'paused' } as const

function Legend({ kinds }: { kinds: ReadonlySet<string> }): VNode {
  return (
    <div class="row row-wrap small soft" aria-hidden="true">
      {Object.entries(NAMES)
        .filter(([kind]) => kinds.has(kind))
        .map(([kind, name]) => (
          <span key={kind} class="row span-legend">
            <span class={`span-dot span-${kind}`} />
            {name}
          </span>
        ))}
      {kinds.has('model') && (
        <span class="row span-legend">
          <span class="span-dot span-first" />
          until the first token
        </span>
      )}
    </div>
  )
}
