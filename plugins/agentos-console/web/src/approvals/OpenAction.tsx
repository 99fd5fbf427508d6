import type { VNode } from 'preact'
import { may, rights } from '../app/rights'
import { Link } from '../app/router'
import { visible } from '../kit/format'
import { Time } from '../kit/Time'
import { seesRunsOf } from './mayAnswer'
import { Pending } from './Pending'
import type { WaitingAction } from './types'

/** What is open: the form to answer it, and the run that waits for it. */
export function OpenAction({ item, onDone }: { item: WaitingAction; onDone: () => unknown }): VNode {
  const seesRun = seesRunsOf(item.owner)
  return (
    <div class="stack">
      <Pending runId={item.run_id} agentId={item.agent_id} owner={item.owner} action={item} onDone={onDone} />
      <dl class="facts small">
        <dt>Agent</dt>
        <dd>
          {may('agents:read') ? (
            <Link to={`/agents/${encodeURIComponent(item.agent_id)}`}>{visible(item.agent_id)}</Link>
          ) : (
            visible(item.agent_id)
          )}
        </dd>
        <dt>Run</dt>
        <dd>
          <Id id={item.run_id} to={seesRun ? `/runs/${encodeURIComponent(item.run_id)}` : undefined} />
        </dd>
        {item.session_id !== null && (
          <>
            <dt>Session</dt>
            <dd>
              <Id id={item.session_id} to={seesRun ? `/chat/${encodeURIComponent(item.session_id)}` : undefined} />
            </dd>
          </>
        )}
        {item.user_id !== null && (
          <>
            <dt>User</dt>
            <dd>{visible(item.user_id)}</dd>
          </>
        )}
        {item.owner !== rights.value?.owner && (
          <>
            <dt>Owner</dt>
            <dd>{visible(item.owner)}</dd>
          </>
        )}
        <dt>Waits since</dt>
        <dd>
          <Time at={item.created_at} />
        </dd>
      </dl>
    </div>
  )
}

function Id({ id, to }: { id: string; to: string | undefined }): VNode {
  if (to === undefined) return <span class="mono">{visible(id)}</span>
  return (
    <Link to={to} class="mono">
      {visible(id)}
    </Link>
  )
}
