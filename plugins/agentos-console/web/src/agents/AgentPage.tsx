import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Link, go, route, setQuery } from '../app/router'
import { missing } from '../app/rights'
import { ask } from '../kit/ask'
import { Button } from '../kit/Button'
import { hasStatus } from '../kit/errors'
import { visible } from '../kit/format'
import { Menu } from '../kit/Menu'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Page } from '../kit/Page'
import { Tabs } from '../kit/Tabs'
import { tell, tellError } from '../kit/toast'
import { useResource } from '../kit/useResource'
import { Source } from './AgentList'
import { CodeAgent } from './CodeAgent'
import { EditAgent } from './EditAgent'
import { deleteAgent, readAgent, type Tagged } from './stored'
import { TryPanel } from './TryPanel'
import { Versions } from './Versions'

const BACK = { to: '/agents', label: 'All agents' }

/** One agent: a stored one can be edited, one in code can be looked at. Both can be tried beside. */
export function AgentPage({ id }: { id: string }): VNode {
  const found = useResource<Tagged>(signal => readAgent(id, signal), [id])
  const [trying, setTrying] = useState(false)
  if (found.data === undefined) {
    return (
      <Page title={visible(id)} back={BACK}>
        {hasStatus(found.error, 404) ? (
          <Empty
            icon="agents"
            title="There is no such agent"
            actions={
              <Link to="/agents" class="button">
                All agents
              </Link>
            }
          />
        ) : found.error !== undefined ? (
          <ErrorNotice error={found.error} what="The agent could not be loaded" retry={found.refresh} />
        ) : (
          <Loading what="Loading the agent" />
        )}
      </Page>
    )
  }
  const { agent } = found.data
  const isStored = agent.source === 'stored'
  return (
    <Page
      back={BACK}
      bare
      title={
        <>
          {visible(agent.name === '' ? agent.id : agent.name)} <Source source={agent.source} />
          {agent.version !== undefined && <span class="faint small"> version {agent.version}</span>}
        </>
      }
      actions={
        <>
          <Button
            icon="play"
            aria-pressed={trying}
            reason={missing(`agents:run:${agent.id}`)}
            onClick={() => setTrying(!trying)}
          >
            Try it beside
          </Button>
          <Menu label="More" items={menuOf(agent.id, isStored)} />
        </>
      }
    >
      <div class={trying ? 'agent-split is-trying' : 'agent-split'}>
        <div class="page-body">
          <div class="page-inner agent-inner">
            {isStored ? <StoredTabs tagged={found.data} set={found.set} /> : <CodeAgent agent={agent} />}
          </div>
        </div>
        {trying && <TryPanel agent={agent} onClose={() => setTrying(false)} />}
      </div>
    </Page>
  )
}

function StoredTabs({ tagged, set }: { tagged: Tagged; set: (tagged: Tagged) => void }): VNode {
  const chosen = route.value.query.get('tab') ?? 'edit'
  return (
    <Tabs
      label="The agent"
      chosen={chosen}
      onChoose={tab => setQuery({ tab: tab === 'edit' ? null : tab, from: null, to: null })}
      tabs={[
        { id: 'edit', label: 'Edit' },
        { id: 'versions', label: 'Versions' },
      ]}
    >
      {chosen === 'versions' ? (
        <Versions tagged={tagged} onChanged={set} />
      ) : (
        <EditAgent tagged={tagged} onSaved={set} />
      )}
    </Tabs>
  )
}

function menuOf(id: string, isStored: boolean): Parameters<typeof Menu>[0]['items'] {
  const chat = {
    label: 'Open in the chat',
    icon: 'chat',
    onChoose: () => go(`/chat?agent=${encodeURIComponent(id)}`),
  } as const
  const runs = {
    label: 'Its runs',
    icon: 'runs',
    onChoose: () => go(`/runs?agent_id=${encodeURIComponent(id)}`),
  } as const
  if (!isStored) return [chat, runs]
  const remove = async (): Promise<void> => {
    const text =
      'Its versions go too. Its sessions and runs stay. A run that waits ends with an error when it is to continue.'
    if (!(await ask({ title: `Delete the agent ${visible(id)}?`, text, confirm: 'Delete', danger: true }))) return
    try {
      await deleteAgent(id)
      tell('The agent is deleted.')
      go('/agents')
    } catch (error) {
      tellError(error, 'The agent was not deleted')
    }
  }
  return [
    chat,
    runs,
    {
      label: 'Copy as a new agent',
      icon: 'copy',
      reason: missing('agents:write'),
      onChoose: () => go(`/agents?copy=${encodeURIComponent(id)}`),
    },
    { label: 'Delete', icon: 'trash', danger: true, reason: missing('agents:write'), onChoose: remove },
  ]
}
