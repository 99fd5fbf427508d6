import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Link } from '../app/router'
import { may } from '../app/rights'
import { SearchField } from '../kit/Field'
import { visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Page } from '../kit/Page'
import { Badge } from '../kit/Status'
import { Table } from '../kit/Table'
import { useList } from '../kit/useResource'

type Agent = Schemas['Agent']

/** Where an agent comes from, in a word. */
export function Source({ source }: { source: string }): VNode {
  if (source === 'stored') return <Badge dot={false}>stored</Badge>
  return <span class="soft">{source === 'code' ? 'code' : visible(source)}</span>
}

export function AgentList(): VNode {
  const list = useList<Agent>('/api/v1/agents', 'agents', {}, { size: 200 })
  const [wanted, setWanted] = useState('')
  const words = wanted.toLowerCase().split(/\s+/)
  const matches = (agent: Agent): boolean => {
    const text = `${agent.id} ${agent.name} ${agent.description} ${agent.model ?? ''}`.toLowerCase()
    return words.every(word => text.includes(word))
  }
  const agents = list.items?.filter(matches)
  const add = (
    <Link to="/agents?new" class="button button-primary">
      <Icon name="plus" />
      New agent
    </Link>
  )
  return (
    <Page title="Agents" actions={may('agents:write') ? add : undefined}>
      {list.error !== undefined && (
        <ErrorNotice error={list.error} what="The agents could not be loaded" retry={list.refresh} />
      )}
      {list.items === undefined && list.loading && <Loading what="Loading agents" />}
      {list.items?.length === 0 && (
        <Empty icon="agents" title="No agents yet" actions={may('agents:write') ? add : undefined}>
          An agent is a model with instructions and tools. Make one here, or register one in code.
        </Empty>
      )}
      {list.items !== undefined && list.items.length > 0 && (
        <>
          <div class="filters">
            <SearchField label="Search agents" value={wanted} onInput={setWanted} />
          </div>
          {agents?.length === 0 ? (
            <Empty icon="search" title="No agent matches" />
          ) : (
            <Table
              label="Agents"
              rows={agents ?? []}
              rowKey={agent => agent.id}
              to={agent => `/agents/${encodeURIComponent(agent.id)}`}
              more={list.more}
              loadingMore={list.loadingMore}
              columns={[
                { title: 'Agent', cell: agent => <Name agent={agent} /> },
                {
                  title: 'Description',
                  cell: agent => <span class="agent-about soft">{visible(agent.description)}</span>,
                  wideOnly: true,
                },
                {
                  title: 'Model',
                  cell: agent => <span class="mono small clip agent-cell">{visible(agent.model ?? '–')}</span>,
                  wideOnly: true,
                },
                {
                  title: 'Tools',
                  cell: agent => agent.tools.length || <span class="faint">–</span>,
                  number: true,
                  wideOnly: true,
                },
                { title: 'From', cell: agent => <Source source={agent.source} /> },
              ]}
              actions={agent => (
                <Link
                  to={`/chat?agent=${encodeURIComponent(agent.id)}`}
                  class="button button-quiet button-small"
                  aria-label={`Chat with ${visible(agent.name || agent.id)}`}
                >
                  Chat
                </Link>
              )}
            />
          )}
        </>
      )}
    </Page>
  )
}

function Name({ agent }: { agent: Agent }): VNode {
  const name = agent.name === '' ? agent.id : agent.name
  return (
    <>
      {visible(name)}
      {name !== agent.id && <div class="mono small faint agent-id">{visible(agent.id)}</div>}
    </>
  )
}
