import type { Schemas } from '@agentos-server/client'
import type { ComponentChildren, VNode } from 'preact'
import { Link } from '../app/router'
import { rights } from '../app/rights'
import { Copy } from '../kit/Copy'
import { count, duration, plural, visible } from '../kit/format'
import { Time } from '../kit/Time'
import { finishText } from './causes'
import { isLive } from './RunList'
import { useNow } from './useNow'

type RunDetail = Schemas['RunDetail']

/** What is known of a run at a glance. */
export function RunFacts({ run }: { run: RunDetail }): VNode {
  const now = useNow(isLive(run.status) || run.status === 'paused' ? 1000 : undefined)
  const length = run.duration ?? Math.max(0, (now - Date.parse(run.created_at)) / 1000)
  const waited = run.started_at === null ? undefined : (Date.parse(run.started_at) - Date.parse(run.created_at)) / 1000
  return (
    <div class="run-facts">
      <Fact name="Agent">
        <Link to={`/agents/${encodeURIComponent(run.agent_id)}`}>{visible(run.agent_id)}</Link>
        {run.agent_version !== null && <span class="faint"> version {run.agent_version}</span>}
      </Fact>
      <Fact name="Model">{run.model === null ? <span class="faint">–</span> : visible(run.model)}</Fact>
      <Fact name="Duration">
        {duration(length)}
        {waited !== undefined && waited >= 0.1 && <span class="faint"> of it {duration(waited)} queued</span>}
      </Fact>
      <Fact name="Tokens">
        <Tokens usage={run.usage} />
      </Fact>
      <Fact name="Finish">
        {run.finish_reason === null ? (
          <span class="faint">–</span>
        ) : (
          <>
            {visible(run.finish_reason)} <span class="faint">{finishText(run.finish_reason)}</span>
          </>
        )}
      </Fact>
      <Fact name="Turns">
        {count(run.loops)}
        {run.crashes > 0 && <span class="run-bad"> {plural(run.crashes, 'worker')} lost</span>}
      </Fact>
      <Fact name="Accepted">
        <Time at={run.created_at} />
      </Fact>
      <Fact name="Session">
        {run.session_id === null ? (
          <span class="faint">none</span>
        ) : (
          <Link
            to={`/runs?session_id=${encodeURIComponent(run.session_id)}`}
            class="mono clip"
            title="The runs of this session"
          >
            {visible(run.session_id)}
          </Link>
        )}
      </Fact>
      {run.user_id !== null && <Fact name="User">{visible(run.user_id)}</Fact>}
      {rights.value !== null && run.owner !== rights.value.owner && <Fact name="Owner">{visible(run.owner)}</Fact>}
      <Fact name="Id">
        <span class="row">
          <span class="mono clip">{visible(run.run_id)}</span>
          <Copy text={run.run_id} label="Copy the run's id" />
        </span>
      </Fact>
    </div>
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }): VNode {
  return (
    <div class="run-fact">
      <div class="run-fact-name">{name}</div>
      <div class="run-fact-value">{children}</div>
    </div>
  )
}

/** Tokens in and out, with what of them was cached and thought. */
export function Tokens({ usage }: { usage: Schemas['Usage'] }): VNode {
  if (usage.total_tokens === 0) return <span class="faint">–</span>
  return (
    <>
      {count(usage.prompt_tokens)} in, {count(usage.completion_tokens)} out
      {usage.reasoning_tokens > 0 && <span class="faint">, {count(usage.reasoning_tokens)} of it reasoning</span>}
      {(usage.cached_tokens ?? 0) > 0 && <span class="faint">, {count(usage.cached_tokens ?? 0)} cached</span>}
    </>
  )
}
