import type { VNode } from 'preact'
import { useMemo } from 'preact/hooks'
import { may } from '../app/rights'
import { route, setQuery } from '../app/router'
import { Button } from '../kit/Button'
import { Select, TextField } from '../kit/Field'
import { useGet } from '../kit/useResource'

const STATUSES = ['queued', 'running', 'paused', 'completed', 'failed', 'cancelled']
const FILTERS = ['status', 'agent_id', 'session_id', 'since'] as const
const HOUR = 3_600_000
/** How far back, by the name in the address. */
const SPANS: Readonly<Record<string, { label: string; length: number }>> = {
  hour: { label: 'The last hour', length: HOUR },
  day: { label: 'The last 24 hours', length: 24 * HOUR },
  week: { label: 'The last 7 days', length: 7 * 24 * HOUR },
}

export const CLEARED: Record<string, null> = Object.fromEntries(FILTERS.map(name => [name, null]))

/** What of the runs is asked for, as the address says. */
export function useRunFilters(): Record<string, string> {
  const { query } = route.value
  const given = Object.fromEntries(
    FILTERS.flatMap(name => (query.get(name) ? [[name, query.get(name) as string]] : [])),
  )
  const span = SPANS[given['since'] ?? '']
  // The beginning stays where it is while the list is looked at, so that it is one list.
  const since = useMemo(
    () => (span === undefined ? undefined : new Date(Date.now() - span.length).toISOString()),
    [span],
  )
  const { since: _, ...rest } = given
  return since === undefined ? rest : { ...rest, since }
}

/** Which runs are shown. */
export function RunFilters(): VNode {
  const { query } = route.value
  const value = (name: string): string => query.get(name) ?? ''
  const set = (name: string) => (to: string) => setQuery({ [name]: to || null })
  return (
    <div class="filters run-filters" role="search" aria-label="Filter runs">
      <Select
        label="Status"
        hideLabel
        value={value('status')}
        onChange={set('status')}
        options={[{ value: '', label: 'All statuses' }, ...STATUSES.map(status => ({ value: status, label: status }))]}
      />
      <TextField
        label="Agent"
        hideLabel
        placeholder="Agent"
        list="run-agents"
        value={value('agent_id')}
        onInput={set('agent_id')}
      />
      {may('agents:read') && <AgentNames id="run-agents" />}
      <TextField
        label="Session"
        hideLabel
        placeholder="Session id"
        value={value('session_id')}
        onInput={set('session_id')}
      />
      <Select
        label="Accepted"
        hideLabel
        value={value('since')}
        onChange={set('since')}
        options={[
          { value: '', label: 'Any time' },
          ...Object.entries(SPANS).map(([name, span]) => ({ value: name, label: span.label })),
        ]}
      />
      {FILTERS.some(name => value(name) !== '') && (
        <Button small kind="quiet" icon="close" onClick={() => setQuery(CLEARED)}>
          Clear filters
        </Button>
      )}
    </div>
  )
}

/** The ids of agents, as suggestions of a field. */
function AgentNames({ id }: { id: string }): VNode {
  const agents = useGet<{ agents: { id: string }[] }>('/api/v1/agents', { limit: 200 })
  return (
    <datalist id={id}>
      {agents.data?.agents.map(agent => (
        <option key={agent.id} value={agent.id} />
      ))}
    </datalist>
  )
}
