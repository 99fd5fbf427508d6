import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { AnswerFacts } from '../approvals/AnswerFacts'
import { KINDS } from '../approvals/answers'
import { visible } from '../kit/format'
import { Empty } from '../kit/Notice'
import { Badge } from '../kit/Status'

/** What was decided and answered in a run, by whom, and what was changed. */
export function Decisions({ decisions }: { decisions: Schemas['RunDetail']['decisions'] }): VNode {
  if (decisions.length === 0) {
    return (
      <Empty icon="approvals" title="No decisions">
        No person was asked in this run.
      </Empty>
    )
  }
  return (
    <ul role="list" class="stack">
      {decisions.map((decision, at) => (
        <li key={`${decision.id}-${at}`} class="panel">
          <div class="panel-head">
            <h2 class="grow clip">
              {KINDS[decision.kind]} <span class="mono">{visible(decision.tool_name ?? '')}</span>
            </h2>
            {decision.remembered !== undefined && <Badge dot={false}>by a remembered decision</Badge>}
          </div>
          <div class="panel-body">
            <AnswerFacts answer={decision} asked={decision.arguments} />
          </div>
        </li>
      ))}
    </ul>
  )
}
