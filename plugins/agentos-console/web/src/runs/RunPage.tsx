import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { Link, go, route, setQuery } from '../app/router'
import { missing } from '../app/rights'
import { client } from '../app/session'
import { Pending } from '../approvals/Pending'
import { ask } from '../kit/ask'
import { Button } from '../kit/Button'
import { hasStatus } from '../kit/errors'
import { shortId } from '../kit/format'
import { Menu } from '../kit/Menu'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Page } from '../kit/Page'
import { RunStatus } from '../kit/Status'
import { Tabs } from '../kit/Tabs'
import { tell, tellError } from '../kit/toast'
import { useGet } from '../kit/useResource'
import { Decisions } from './Decisions'
import { Errors, errorsOf, RunErrorNotice } from './Errors'
import { Events } from './Events'
import { InOut } from './InOut'
import { RunFacts } from './RunFacts'
import { isLive } from './RunList'
import { TimelineTab } from './TimelineTab'

type RunDetail = Schemas['RunDetail']

const LIVE = 2
const PAUSED = 8
const BACK = { to: '/runs', label: 'All runs' }

/** One run: where it stands, what it did, and why it failed. */
export function RunPage({ id }: { id: string }): VNode {
  const path = `/api/v1/runs/${encodeURIComponent(id)}`
  const first = useGet<RunDetail>(path)
  const run = first.data
  const every = run === undefined ? undefined : isLive(run.status) ? LIVE : run.status === 'paused' ? PAUSED : undefined
  // A run changes until its end.
  useEffect(() => {
    if (every === undefined) return
    const timer = setInterval(() => {
      if (!document.hidden) void first.refresh()
    }, every * 1000)
    return () => clearInterval(timer)
  }, [every, first.refresh])

  if (run === undefined) {
    return (
      <Page title={`Run ${shortId(id)}`} back={BACK}>
        {hasStatus(first.error, 404) ? (
          <Empty
            icon="runs"
            title="There is no such run"
            actions={
              <Link to="/runs" class="button">
                All runs
              </Link>
            }
          >
            It was deleted, or it belongs to another owner.
          </Empty>
        ) : first.error !== undefined ? (
          <ErrorNotice error={first.error} what="The run could not be loaded" retry={first.refresh} />
        ) : (
          <Loading what="Loading the run" />
        )}
      </Page>
    )
  }
  return (
    <Page
      back={BACK}
      title={
        <>
          Run <span class="mono">{shortId(id)}</span> <RunStatus status={run.status} />
        </>
      }
      actions={<Actions run={run} refresh={first.refresh} />}
    >
      {first.error !== undefined && (
        <ErrorNotice error={first.error} what="The run could not be loaded again" retry={first.refresh} />
      )}
      <RunFacts run={run} />
      {run.error !== null && <RunErrorNotice error={run.error} />}
      {run.pending.map(action => (
        <Pending
          key={action.id}
          runId={run.run_id}
          agentId={run.agent_id}
          owner={run.owner}
          action={action}
          onDone={first.refresh}
        />
      ))}
      <RunTabs run={run} refresh={first.refresh} />
    </Page>
  )
}

function RunTabs({ run, refresh }: { run: RunDetail; refresh: () => unknown }): VNode {
  const chosen = route.value.query.get('tab') ?? 'timeline'
  const errors = errorsOf(run).length
  const counted = (label: string, number: number): VNode => (
    <>
      {label} {number > 0 && <span class="faint">{number}</span>}
    </>
  )
  return (
    <Tabs
      label="The run"
      chosen={chosen}
      onChoose={tab => setQuery({ tab: tab === 'timeline' ? null : tab })}
      tabs={[
        { id: 'timeline', label: 'Timeline' },
        { id: 'text', label: 'Input and output' },
        { id: 'events', label: 'Events' },
        { id: 'decisions', label: counted('Decisions', run.decisions.length) },
        { id: 'errors', label: counted('Errors', errors) },
      ]}
    >
      <div>
        {chosen === 'timeline' && <TimelineTab run={run} onChanged={refresh} />}
        {chosen === 'text' && <InOut run={run} />}
        {chosen === 'events' && <Events run={run} />}
        {chosen === 'decisions' && <Decisions decisions={run.decisions} />}
        {chosen === 'errors' && <Errors run={run} />}
      </div>
    </Tabs>
  )
}

function Actions({ run, refresh }: { run: RunDetail; refresh: () => Promise<void> }): VNode {
  const isOver = !isLive(run.status) && run.status !== 'paused'
  const cancel = async (): Promise<void> => {
    const yes = await ask({
      title: 'Cancel this run?',
      text: 'The call to the model is cut. What was written is kept.',
      confirm: 'Cancel run',
      danger: true,
    })
    if (!yes) return
    try {
      await client().runs.cancel(run.run_id)
    } catch (error) {
      tellError(error, 'The run was not cancelled')
    }
    await refresh()
  }
  const remove = async (): Promise<void> => {
    const text = 'Its events, messages and attachments go too. This cannot be undone.'
    if (!(await ask({ title: 'Delete this run?', text, confirm: 'Delete', danger: true }))) return
    try {
      await client().runs.delete(run.run_id)
      tell('The run is deleted.')
      go('/runs')
    } catch (error) {
      tellError(error, 'The run was not deleted')
    }
  }
  return (
    <>
      {run.session_id !== null && (
        <Link to={`/chat/${encodeURIComponent(run.session_id)}`} class="button">
          Open the chat
        </Link>
      )}
      {!isOver && (
        <Button danger icon="stop" reason={missing('runs:cancel')} onClick={cancel}>
          Cancel run
        </Button>
      )}
      <Menu
        label="More"
        items={[
          { label: 'Refresh', icon: 'refresh', onChoose: refresh },
          {
            label: 'Delete',
            icon: 'trash',
            danger: true,
            reason: isLive(run.status) ? 'It has not ended.' : missing('sessions:write'),
            onChoose: remove,
          },
        ]}
      />
    </>
  )
}
