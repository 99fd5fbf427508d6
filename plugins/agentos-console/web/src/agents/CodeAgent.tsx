import type { VNode } from 'preact'
import { visible } from '../kit/format'
import { Notice } from '../kit/Notice'
import type { AgentDetail } from './stored'
import { ToolSchemas } from './ToolSchemas'

/** An agent that code or a plugin registered: what is known of it. */
export function CodeAgent({ agent }: { agent: AgentDetail }): VNode {
  return (
    <div class="stack stack-wide">
      <Notice>
        {agent.source === 'code'
          ? 'This agent is registered in code.'
          : `This agent comes with the plugin ${visible(agent.source)}.`}{' '}
        It is changed there, and not here.
      </Notice>
      <dl class="facts">
        <dt>Id</dt>
        <dd class="mono">{visible(agent.id)}</dd>
        {agent.description !== '' && (
          <>
            <dt>Description</dt>
            <dd>{visible(agent.description)}</dd>
          </>
        )}
        <dt>Model</dt>
        <dd class="mono">{agent.model === null ? <span class="faint">it does not say</span> : visible(agent.model)}</dd>
      </dl>
      <section class="stack">
        <h2>Tools</h2>
        <ToolSchemas names={agent.tools} />
      </section>
    </div>
  )
}
