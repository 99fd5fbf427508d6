import type { VNode } from 'preact'
import { useRef } from 'preact/hooks'
import { Link, route, setQuery } from '../app/router'
import { useShortcut } from '../app/shortcuts'
import { Button } from '../kit/Button'
import { visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Badge } from '../kit/Status'
import { Time } from '../kit/Time'
import { useList } from '../kit/useResource'
import { ActionById } from './ActionById'
import { KINDS } from './answers'
import { FILTERS, InboxFilters } from './InboxFilters'
import { OpenAction } from './OpenAction'
import type { WaitingAction } from './types'
import { useCountdown } from './useCountdown'

const EVERY = 10

/** What waits: a list, and the one that is open beside it. */
export function Inbox(): VNode {
  const { query } = route.value
  const filters = Object.fromEntries(
    FILTERS.flatMap(name => (query.get(name) ? [[name, query.get(name) as string]] : [])),
  )
  const list = useList<WaitingAction>('/api/v1/approvals', 'approvals', filters, { every: EVERY })
  const items = list.items ?? []
  // What is open stays open when another one comes before it: the person may be typing.
  const held = useRef({ filters: '', id: null as string | null })
  const key = JSON.stringify(filters)
  if (held.current.filters !== key || list.items?.length === 0) held.current = { filters: key, id: null }
  const wanted = query.get('action') ?? held.current.id ?? items[0]?.id ?? null
  const open = items.find(item => item.id === wanted)
  held.current.id = wanted
  const panel = useRef<HTMLDivElement>(null)
  const choose = (id: string | null): void => {
    held.current.id = id
    setQuery({ action: id })
  }
  const step = (by: number): void => {
    const next = items[items.findIndex(item => item.id === open?.id) + by]
    if (next) choose(next.id)
  }
  useShortcut('j', 'Next approval', () => step(1))
  useShortcut('k', 'Previous approval', () => step(-1))
  const done = async (): Promise<void> => {
    const at = items.findIndex(item => item.id === open?.id)
    const next = items[at + 1] ?? items[at - 1]
    choose(next?.id ?? null)
    await list.refresh()
    // The buttons that had the focus are gone.
    panel.current?.focus()
  }
  return (
    <>
      <InboxFilters />
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
          <div class="inbox-open" ref={panel} tabIndex={-1} role="group" aria-label="What is open">
            {open !== undefined && <OpenAction key={open.id} item={open} onDone={done} />}
            {open === undefined && wanted !== null && (
              <ActionById key={wanted} id={wanted} onDone={done} onFirst={() => choose(items[0]?.id ?? null)} />
            )}
          </div>
        </div>
      )}
    </>
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
