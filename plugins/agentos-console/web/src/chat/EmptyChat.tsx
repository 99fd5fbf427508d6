import type { VNode } from 'preact'
import { Link } from '../app/router'
import { visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { Empty } from '../kit/Notice'
import { Badge } from '../kit/Status'
import type { Agent } from './types'

/** Tools that are named; the agent's page has all. */
const NAMED = 8

/** What a conversation shows before its first message: who answers. */
export function EmptyChat({ agent, isNew, hasAgents }: { agent: Agent | undefined; isNew: boolean; hasAgents: boolean }): VNode {
  if (!hasAgents) {
    return (
      <Empty icon="agents" title="There is no agent yet" actions={<Link to="/agents" class="button button-primary">Create an agent</Link>}>
        An agent is a model with instructions and tools. Create one here, or install a plugin that brings some.
      </Empty>
    )
  }
  if (!agent) return <Empty icon="chat" title={isNew ? 'New chat' : 'Nothing was said yet'}>The agent of this session is not registered now.</Empty>
  return (
    <div class="chat-empty">
      <span class="chat-mark" aria-hidden="true"><Icon name="agents" size={22} /></span>
      <h2>{visible(agent.name || agent.id)}</h2>
      {agent.description && <p class="soft">{visible(agent.description)}</p>}
      <p class="chat-about">
        {agent.model !== null && <span class="mono">{visible(agent.model)}</span>}
        {agent.tools.slice(0, NAMED).map(tool => <Badge key={tool} dot={false}>{visible(tool)}</Badge>)}
        {agent.tools.length > NAMED && <span class="faint">and {agent.tools.length - NAMED} more tools</span>}
      </p>
    </div>
  )
}
