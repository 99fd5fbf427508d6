import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { at, Link } from '../app/router'
import { Button } from '../kit/Button'
import { Loading } from '../kit/Notice'
import { ConversationView } from './ConversationView'
import { EmptyChat } from './EmptyChat'
import { makeSession, useConversation } from './open'
import type { Agent } from './types'

/** A conversation with one agent beside something else, as its editor. It stays out of the address. */
export function ChatPanel({ agent }: { agent: Agent }): VNode {
  const [id, setId] = useState<string | null>(null)
  const conversation = useConversation(id)
  return (
    <section class="chat-panel panel" aria-label="Try the agent">
      <header class="panel-head">
        <h2 class="grow clip">Try it</h2>
        {id !== null && <Link to={at('chat', id)} class="button button-quiet button-small">Open in the chat</Link>}
        {id !== null && <Button small icon="plus" onClick={() => setId(null)}>Start over</Button>}
      </header>
      {conversation === null ? <Loading what="Loading the conversation" /> : (
        <ConversationView
          conversation={conversation}
          agentId={agent.id}
          agents={[agent]}
          onFirst={async text => setId(await makeSession(conversation, agent.id, text))}
          onFork={setId}
          empty={<EmptyChat agent={agent} isNew hasAgents />}
          choice={null}
        />
      )}
    </section>
  )
}
