import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { go } from '../app/router'
import { ConversationView } from '../chat/ConversationView'
import { makeSession, useConversation } from '../chat/open'
import { Button } from '../kit/Button'
import { Loading } from '../kit/Notice'
import type { AgentDetail } from './stored'

interface TryPanelProps {
  agent: AgentDetail
  onClose: () => void
}

/** An agent beside its editor. Each message is for the version that is stored then. */
export function TryPanel({ agent, onClose }: TryPanelProps): VNode {
  const [session, setSession] = useState<string | null>(null)
  const conversation = useConversation(session)
  const onFirst = async (text: string): Promise<void> => {
    if (conversation !== null) setSession(await makeSession(conversation, agent.id, text))
  }
  return (
    <aside class="agent-try" aria-label="Try the agent">
      <div class="panel-head">
        <h2 class="grow">Try it</h2>
        {session !== null && (
          <>
            <Button kind="quiet" small onClick={() => setSession(null)}>
              Begin again
            </Button>
            <Button
              kind="quiet"
              small
              icon="outside"
              label="Open in the chat"
              onClick={() => go(`/chat/${encodeURIComponent(session)}`)}
            />
          </>
        )}
        <Button kind="quiet" small icon="close" label="Close" onClick={onClose} />
      </div>
      <div class="agent-try-body">
        {conversation === null ? (
          <Loading what="Loading the conversation" />
        ) : (
          <ConversationView
            conversation={conversation}
            agentId={agent.id}
            agents={[agent]}
            onFirst={onFirst}
            onFork={setSession}
            empty={
              <p class="agent-try-empty soft">
                Say something to it. What is not saved yet does not count: each message is for the version that is
                stored.
              </p>
            }
            choice={agent.version === undefined ? null : <span class="small faint">version {agent.version}</span>}
          />
        )}
      </div>
    </aside>
  )
}
