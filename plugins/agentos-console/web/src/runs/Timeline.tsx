import type { VNode } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { count, duration, visible } from '../kit/format'
import { axisOf, type Axis } from './axis'
import type { RunEventLike } from './eventRows'
import { SpanDetail } from './SpanDetail'
import type { Span } from './spans'

interface TimelineProps {
  spans: readonly Span[]
  /** Seconds that the axis is long. */
  length: number
  events: readonly RunEventLike[]
}

/** Calls as bars on one axis of time. Each opens to what is known of it. */
export function Timeline({ spans, length, events }: TimelineProps): VNode {
  const [open, setOpen] = useState<string>()
  const axis = useMemo(() => axisOf(spans, length), [spans, length])
  return (
    <div class="timeline panel">
      <div class="timeline-head" aria-hidden="true">
        <span />
        <span class="timeline-ticks">
          {axis.ticks.map(tick => (
            <span key={tick.seconds} class="timeline-tick" style={{ left: percent(tick.at) }}>
              {tick.seconds === 0 ? '0' : duration(tick.seconds)}
            </span>
          ))}
        </span>
        <span />
      </div>
      <ul role="list" aria-label="Timeline">
        {spans.map(span => (
          <li key={span.key} class={open === span.key ? 'timeline-item is-open' : 'timeline-item'}>
            <button
              type="button"
              class="timeline-row"
              aria-expanded={open === span.key}
              onClick={() => setOpen(open === span.key ? undefined : span.key)}
            >
              <Name span={span} />
              <Track span={span} axis={axis} />
              <Numbers span={span} />
            </button>
            {open === span.key && <SpanDetail span={span} events={events} />}
          </li>
        ))}
      </ul>
    </div>
  )
}

function Name({ span }: { span: Span }): VNode {
  return (
    <span class="timeline-name">
      <span class={`span-dot span-${span.kind}`} aria-hidden="true" />
      <span class={span.kind === 'tool' || span.kind === 'model' ? 'mono clip' : 'clip soft'}>
        {visible(span.label)}
      </span>
      {(span.attempt ?? 1) > 1 && <span class="faint small timeline-attempt">attempt {span.attempt}</span>}
      {span.status === 'failed' && <span class="run-bad small timeline-failed">failed</span>}
    </span>
  )
}

function Track({ span, axis }: { span: Span; axis: Axis }): VNode {
  const from = axis.at(span.start)
  const to = axis.at(span.end)
  const first =
    span.kind === 'model' && span.firstToken !== undefined
      ? axis.at(Math.min(span.start + span.firstToken, span.end))
      : undefined
  const state = [
    span.status === 'failed' && 'is-failed',
    span.status === 'started' && 'is-live',
    axis.squeezed.has(span.key) && 'is-squeezed',
  ]
  return (
    <span class="timeline-track" aria-hidden="true">
      {axis.ticks.map(tick => (
        <span key={tick.seconds} class="timeline-line" style={{ left: percent(tick.at) }} />
      ))}
      <span
        class={['span-bar', `span-${span.kind}`, ...state].filter(Boolean).join(' ')}
        style={{ left: percent(from), width: percent(to - from) }}
      >
        {first !== undefined && to > from && (
          <span class="span-first" style={{ width: percent((first - from) / (to - from)) }} />
        )}
      </span>
    </span>
  )
}

function Numbers({ span }: { span: Span }): VNode {
  return (
    <span class="timeline-numbers">
      {span.usage !== undefined && (
        <span class="faint timeline-tokens">
          {count(span.usage.completion_tokens)} <span aria-hidden="true">tok</span>
          <span class="sr-only"> tokens out, </span>
        </span>
      )}
      <span>
        {duration(span.end - span.start)}
        <span class="sr-only">
          , from {duration(span.start)}
          {span.status === 'started' && ', still under way'}
        </span>
      </span>
    </span>
  )
}

const percent = (part: number): string => `${(part * 100).toFixed(3)}%`
