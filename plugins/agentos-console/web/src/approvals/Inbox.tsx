import type { VNode } from 'preact'
import { Link, route, setQuery } from '../app/router'
import { rights } from '../app/rights'
import { useShortcut } from '../app/shortcuts'
import { Select, TextField } from '../kit/Field'
import { plural, visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Badge } from '../kit/Status'
import { Button } from '../kit/Button'
import { Time } from '../kit/Time'
import { useList } from '../kit/useResource'
import { KINDS } from './answers'
import { Pending } from './Pending'
import type { WaitingAction } from './types'
import { useCountdown } from './useCountdown'

const EVERY = 10
const FILTERS = ['kind', 'agent_id', 'tool', 'approver', 'order'] as const

/** What waits: a list, and the one that is open beside it. */
export function Inbox(): VNode {
  const { query } = route.value
  const filters = Object.fromEntries(
    FILTERS.flatMap(name => (query.get(name) ? [[name, query.get(name) as string]] : [])),
  )
  const list = useList<WaitingAction>('/api/v1/approvals', 'approvals', filters, { every: EVERY })
  const items = list.items ?? []
  const wanted = query.get('action')
  const open = items.find(item => item.id === wanted) ?? (wanted === null ? items[0] : undefined)
  const step = (by: number): void => {
    const next = items[items.findIndex(item => item.id === open?.id) + by]
    if (next) setQuery({ action: next.id })
  }
  useShortcut('j', 'Next approval', () => step(1))
  useShortcut('k', 'Previous approval', () => step(-1))
  const done = async (): Promise<void> => {
    const at = items.findIndex(item => item.id === open?.id)
    const next = items[at + 1] ?? items[at - 1]
    setQuery({ action: next?.id ?? null })
    await list.refresh()
  }
  return (
    <>
      <Filters />
      {list.error !== undefined && (
        <ErrorNotice error={list.error} what="What waits could not be loaded" retry={list.refresh} />
      )}
      {list.items === undefined && list.loading && <Loading what="Loading what waits" />}
      {list.items?.length === 0 && (
        <Empty
          icon="approvals"
          title={Object.keys(filters).length > 0 ? 'Nothing that matches waits' : 'Nothing waits'}
        >
          Calls that need an approval, and questions of tools, appear here by themselves.
        </Empty>
      )}
      {items.length > 0 && (
        <div class="inbox">
          <div>
            <ul role="list" class="inbox-list panel" aria-label="What waits">
              {items.map(item => (
                <Item key={item.id} item={item} isOpen={item.id === open?.id} />
              ))}
            </ul>
            {list.more && (
              <div class="table-more">
                <Button small busy={list.loadingMore} onClick={list.more}>
                  Show more
                </Button>
              </div>
            )}
          </div>
          <div class="inbox-open">
            {open === undefined ? <Gone /> : <Open key={open.id} item={open} onDone={done} />}
          </div>
        </div>
      )}
    </>
  )
}

function Gone(): VNode {
  return (
    <Empty
      icon="approvals"
      title="It does not wait any more"
      actions={<Button onClick={() => setQuery({ action: null })}>Open the first</Button>}
    >
      It was answered, or its time is over.
    </Empty>
  )
}

function Open({ item, onDone }: { item: WaitingAction; onDone: () => unknown }): VNode {
  return (
    <div class="stack">
      <Pending runId={item.run_id} agentId={item.agent_id} owner={item.owner} action={item} onDone={onDone} />
      <dl class="facts small">
        <dt>Agent</dt>
        <dd>
          <Link to={`/agents/${encodeURIComponent(item.agent_id)}`}>{visible(item.agent_id)}</Link>
        </dd>
        <dt>Run</dt>
        <dd>
          <Link to={`/runs/${encodeURIComponent(item.run_id)}`} class="mono">
            {visible(item.run_id)}
          </Link>
        </dd>
        {item.session_id !== null && (
          <>
            <dt>Session</dt>
            <dd>
              <Link to={`/chat/${encodeURIComponent(item.session_id)}`} class="mono">
                {visible(item.session_id)}
              </Link>
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

function Item({ item, isOpen }: { item: WaitingAction; isOpen: boolean }): VNode {
  const left = useCountdown(item.expires_at)
  const query = new URLSearchParams(route.value.query)
  query.set('action', item.id)
  return (
    <li class={isOpen ? 'inbox-item is-chosen' : 'inbox-item'}>
      <Link to={`/approvals?${query}`} aria-current={isOpen ? 'true' : undefined} class="inbox-link">
        <span class="row row-spread">
          <span class="clip">
            <span class="inbox-tool mono">{visible(item.tool_name)}</span>{' '}
            <span class="faint">{visible(item.agent_id)}</span>
          </span>
          <span class="small faint">
            <Time at={item.created_at} />
          </span>
        </span>
        <span class="row row-spread">
          <span class="clip small soft">{visible(item.message || argumentsLine(item.arguments))}</span>
          {left !== undefined && left.state !== 'far' && (
            <Badge kind={left.state === 'soon' ? 'warn' : 'bad'}>{left.text}</Badge>
          )}
          {item.kind !== 'approval' && <Badge dot={false}>{KINDS[item.kind]}</Badge>}
        </span>
      </Link>
      {isOpen && <Icon name="forward" class="inbox-mark" size={14} />}
    </li>
  )
}

function argumentsLine(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length > 160 ? `${text.slice(0, 159)}…` : text
}

function Filters(): VNode {
  const { query } = route.value
  const value = (name: string): string => query.get(name) ?? ''
  const set = (name: string) => (to: string) => setQuery({ [name]: to || null, action: null })
  const active = FILTERS.filter(name => name !== 'order' && value(name) !== '').length
  return (
    <div class="filters inbox-filters" role="search" aria-label="Filter what waits">
      <Select
        label="Kind"
        hideLabel
        value={value('kind')}
        onChange={set('kind')}
        options={[
          { value: '', label: 'All kinds' },
          ...Object.entries(KINDS).map(([kind, label]) => ({ value: kind, label })),
        ]}
      />
      <TextField label="Agent" hideLabel placeholder="Agent" value={value('agent_id')} onInput={set('agent_id')} />
      <TextField label="Tool" hideLabel placeholder="Tool" value={value('tool')} onInput={set('tool')} />
      <Select
        label="Who decides"
        hideLabel
        value={value('approver')}
        onChange={set('approver')}
        options={[
          { value: '', label: 'Decided by all' },
          { value: 'owner', label: 'The owner may decide' },
          { value: 'other', label: 'Another person decides' },
        ]}
      />
      <Select
        label="Order"
        hideLabel
        value={value('order')}
        onChange={set('order')}
        options={[
          { value: '', label: 'Newest first' },
          { value: 'oldest', label: 'Oldest first' },
        ]}
      />
      {active > 0 && (
        <Button
          small
          kind="quiet"
          icon="close"
          onClick={() => setQuery(Object.fromEntries([...FILTERS, 'action'].map(name => [name, null])))}
        >
          Clear {plural(active, 'filter')}
        </Button>
      )}
    </div>
  )
}
