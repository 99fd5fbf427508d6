import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { at, go, Link, route } from '../app/router'
import { missing } from '../app/rights'
import { Button } from '../kit/Button'
import { Select } from '../kit/Field'
import { visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { Menu } from '../kit/Menu'
import { ErrorNotice, Loading } from '../kit/Notice'
import { Page } from '../kit/Page'
import { useList } from '../kit/useResource'
import { askForName, deleteSession, Renamer } from '../sessions/actions'
import { exportSession } from '../sessions/export'
import { ConversationView } from './ConversationView'
import { EmptyChat } from './EmptyChat'
import { makeSession, useConversation } from './open'
import { Recent } from './Recent'
import type { Agent } from './types'

/** The agent that was chosen last, for the next new conversation. */
let lastAgent: string | null = null

/** Talking to an agent. */
export default function Chat(): VNode {
  const { params, query } = route.value
  const id = params['session'] ?? null
  const wanted = query.get('agent')
  const conversation = useConversation(id)
  const agents = useList<Agent>('/api/v1/agents', 'agents', {}, { size: 1000 })
  const [chosen, setChosen] = useState<string | null>(lastAgent)
  const [changes, setChanges] = useState(0)
  useEffect(() => setChosen(wanted ?? lastAgent), [wanted])

  const known = agents.items ?? []
  const session = conversation?.session.value ?? null
  const first = known.find(one => one.id === 'assistant') ?? known[0]
  const agentId = session?.agent_id ?? (id === null ? (wanted ?? chosen ?? first?.id ?? null) : null)
  const agent = known.find(one => one.id === agentId)
  const touched = (): void => setChanges(count => count + 1)

  const name = id === null ? 'New chat' : session ? visible(session.name || 'Untitled session') : 'Chat'
  const choose = (to: string): void => {
    lastAgent = to
    setChosen(to)
    if (wanted !== null) go('/chat', { replace: true })
  }
  const onFirst = async (text: string): Promise<void> => {
    if (!conversation || agentId === null) return
    lastAgent = agentId
    go(at('chat', await makeSession(conversation, agentId, text)), { replace: true })
    touched()
  }
  const actions = (
    <>
      {session?.forked_from && <Link class="button button-quiet button-small" to={at('chat', session.forked_from.session_id)} title="This session began as a copy of another one"><Icon name="fork" size={14} /> First session</Link>}
      {id !== null && <Button small icon="plus" onClick={() => go('/chat')}>New chat</Button>}
      {session && conversation && (
        <Menu
          label="Session"
          small
          items={[
            { label: 'Rename', icon: 'edit', reason: missing('sessions:write'), onChoose: async () => (await askForName(session, name => conversation.rename(name))) && touched() },
            { label: 'Export as Markdown', icon: 'download', onChoose: () => exportSession(session, 'markdown') },
            { label: 'Export as JSON', icon: 'braces', onChoose: () => exportSession(session, 'json') },
            { label: 'Delete', icon: 'trash', danger: true, reason: missing('sessions:write'), onChoose: async () => (await deleteSession(session)) && go('/chat') },
          ]}
        />
      )}
    </>
  )
  return (
    <Page title={name} actions={actions} bare>
      <Renamer />
      <div class="chat">
        <Recent current={id} changes={changes} />
        {conversation === null ? <div class="conversation"><Loading what="Loading the conversation" /></div> : (
          <ConversationView
            conversation={conversation}
            agentId={agentId}
            agents={known}
            onFirst={onFirst}
            onFork={forked => go(at('chat', forked))}
            empty={agents.error !== undefined && agents.items === undefined ? <ErrorNotice error={agents.error} what="The agents could not be loaded" retry={agents.refresh} /> : agents.items && <EmptyChat agent={agent} isNew={id === null} hasAgents={known.length > 0} />}
            choice={<Choice agents={known} agentId={agentId} isFixed={id !== null} onChoose={choose} />}
          />
        )}
      </div>
    </Page>
  )
}

interface ChoiceProps {
  agents: readonly Agent[]
  agentId: string | null
  isFixed: boolean
  onChoose: (id: string) => void
}

/** Which agent is asked: chosen for a new conversation, told for one that is there. */
function Choice({ agents, agentId, isFixed, onChoose }: ChoiceProps): VNode | null {
  if (agentId === null) return null
  const agent = agents.find(one => one.id === agentId)
  if (isFixed) return <span class="composer-agent clip" title={`Agent ${visible(agentId)}`}><Icon name="agents" /><span class="clip">{visible(agent?.name || agentId)}</span></span>
  const options = agents.map(one => ({ value: one.id, label: visible(one.name || one.id) }))
  if (!agent) options.unshift({ value: agentId, label: visible(agentId) })
  return <Select label="Agent" hideLabel class="composer-choice" value={agentId} options={options} onChange={onChoose} />
}
