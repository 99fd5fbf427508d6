import type { VNode } from 'preact'
import { Link } from '../app/router'
import { Button } from '../kit/Button'

interface TryPanelProps {
  agentId: string
  version: number | undefined
  onClose: () => void
}

/** An agent beside its editor. What is asked here is asked of the version that is stored. */
export function TryPanel({ agentId, onClose }: TryPanelProps): VNode {
  return (
    <aside class="agent-try" aria-label="Try the agent">
      <div class="panel-head">
        <h2 class="grow">Try it</h2>
        <Button kind="quiet" small icon="close" label="Close" onClick={onClose} />
      </div>
      <div class="panel-body">
        <Link to={`/chat?agent=${encodeURIComponent(agentId)}`}>Open the chat</Link>
      </div>
    </aside>
  )
}
