import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { Link, setQuery } from '../app/router'
import { Button } from '../kit/Button'
import { count, duration, shortId, visible } from '../kit/format'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Page } from '../kit/Page'
import { RunStatus } from '../kit/Status'
import { Table } from '../kit/Table'
import { Time } from '../kit/Time'
import { useList } from '../kit/useResource'
import { CLEARED, RunFilters, useRunFilters } from './RunFilters'
import { useNow } from './useNow'

type Run = Schemas['Run']

/** Seconds between two looks. */
const EVERY = 4

export const isLive = (status: string): boolean => status === 'running' || status === 'queued'

export function RunList(): VNode {
  const filters = useRunFilters()
  const list = useList<Run>('/api/v1/runs', 'runs', filters, { every: EVERY })
  const isFiltered = Object.keys(filters).length > 0
  return (
    <Page
      title="Runs"
      actions={
        <Button
          kind="quiet"
          icon="refresh"
          label="Refresh"
          busy={list.loading && list.items === undefined}
          onClick={list.refresh}
        />
      }
    >
      <RunFilters />
      {list.error !== undefined && (
        <ErrorNotice error={list.error} what="The runs could not be loaded" retry={list.refresh} />
      )}
      {list.items === undefined && list.loading && <Loading what="Loading runs" />}
      {list.items?.length === 0 &&
        (isFiltered ? (
          <Empty
            icon="runs"
            title="No run matches"
            actions={<Button onClick={() => setQuery(CLEARED)}>Clear the filters</Button>}
          />
        ) : (
          <Empty
            icon="runs"
            title="No runs yet"
            actions={
              <Link to="/chat" class="button button-primary">
                Start a chat
              </Link>
            }
          >
            Each question to an agent is a run. Ask one in the chat, or over the API.
          </Empty>
        ))}
      {list.items !== undefined && list.items.length > 0 && (
        <Rows runs={list.items} more={list.more} loadingMore={list.loadingMore} />
      )}
    </Page>
  )
}

function Rows({
  runs,
  more,
  loadingMore,
}: {
  runs: readonly Run[]
  more: (() => Promise<void>) | undefined
  loadingMore: boolean
}): VNode {
  const now = useNow(runs.some(run => isLive(run.status)) ? 1000 : undefined)
  return (
    <Table
      label="Runs"
      rows={runs}
      rowKey={run => run.run_id}
      to={run => `/runs/${encodeURIComponent(run.run_id)}`}
      more={more}
      loadingMore={loadingMore}
      columns={[
        { title: 'Input', cell: run => <Input run={run} /> },
        { title: 'Status', cell: run => <RunStatus status={run.status} /> },
        { title: 'Agent', cell: run => <span class="run-agent clip">{visible(run.agent_id)}</span> },
        {
          title: 'Model',
          cell: run => <span class="run-model clip soft">{visible(run.model ?? '–')}</span>,
          wideOnly: true,
        },
        {
          title: 'Tokens',
          cell: run => (run.usage.total_tokens > 0 ? count(run.usage.total_tokens) : '–'),
          number: true,
          wideOnly: true,
        },
        { title: 'Duration', cell: run => durationText(run, now), number: true, wideOnly: true },
        { title: 'Accepted', cell: run => <Time at={run.created_at} />, number: true },
      ]}
    />
  )
}

function Input({ run }: { run: Run }): VNode {
  const text = visible(run.input.slice(0, 200).replace(/\s+/g, ' ').trim())
  return (
    <span class="run-input">
      <span class="run-input-text">
        {text === '' ? <span class="soft">{run.media.length > 0 ? 'attachments' : 'no text'}</span> : text}
      </span>
      <span class="mono faint small" title={visible(run.run_id)}>
        {shortId(run.run_id)}
      </span>
    </span>
  )
}

function durationText(run: Run, now: number): string {
  if (run.duration !== null) return duration(run.duration)
  return duration(Math.max(0, (now - Date.parse(run.created_at)) / 1000))
}
