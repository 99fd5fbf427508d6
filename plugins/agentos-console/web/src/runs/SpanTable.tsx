import type { VNode } from 'preact'
import { count, duration, visible } from '../kit/format'
import { Table } from '../kit/Table'
import type { Span } from './spans'

const KIND_NAMES: Record<Span['kind'], string> = { queue: 'Queue', model: 'Model', tool: 'Tool', pause: 'Pause' }

/** The timeline in words and numbers. */
export function SpanTable({ spans }: { spans: readonly Span[] }): VNode {
  return (
    <Table
      label="Calls of this run"
      rows={spans}
      rowKey={span => span.key}
      columns={[
        { title: 'Kind', cell: span => KIND_NAMES[span.kind] },
        { title: 'What', cell: span => <span class="mono">{visible(span.label)}</span> },
        {
          title: 'Status',
          cell: span =>
            span.status === 'failed' ? (
              <span class="run-bad">failed {visible(span.cause ?? '')}</span>
            ) : span.status === 'started' ? (
              'under way'
            ) : (
              'completed'
            ),
        },
        { title: 'Attempt', cell: span => span.attempt ?? '', number: true },
        { title: 'Begins', cell: span => duration(span.start), number: true },
        { title: 'Lasts', cell: span => duration(span.end - span.start), number: true },
        {
          title: 'First token',
          cell: span => (span.firstToken === undefined ? '' : duration(span.firstToken)),
          number: true,
        },
        {
          title: 'Tokens in',
          cell: span => (span.usage === undefined ? '' : count(span.usage.prompt_tokens)),
          number: true,
        },
        {
          title: 'Tokens out',
          cell: span => (span.usage === undefined ? '' : count(span.usage.completion_tokens)),
          number: true,
        },
        { title: 'Finish', cell: span => visible(span.finishReason ?? '') },
      ]}
    />
  )
}
