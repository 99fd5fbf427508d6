import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Link } from '../app/router'
import { Dialog } from '../kit/Dialog'
import { Button } from '../kit/Button'
import { visible } from '../kit/format'
import { Empty } from '../kit/Notice'
import { Table } from '../kit/Table'
import { Time } from '../kit/Time'
import { KINDS } from './answers'
import { answered } from './answeredHere'
import { AnswerBadge, AnswerFacts } from './AnswerFacts'
import { seesRunsOf } from './mayAnswer'
import type { AnsweredAction } from './types'

/** What was answered at this page, and what was changed. */
export function Answered(): VNode {
  const items = answered()
  const [open, setOpen] = useState<AnsweredAction>()
  if (items.length === 0) {
    return (
      <Empty icon="history" title="Nothing was answered here yet">
        What you answer in this tab appears here. Each run keeps all its decisions: open it to see who gave them, and
        when.
      </Empty>
    )
  }
  return (
    <>
      <Table
        label="What was answered"
        rows={items}
        rowKey={item => item.id}
        columns={[
          { title: 'Tool', cell: item => <span class="mono clip tool-cell">{visible(item.tool_name)}</span> },
          { title: 'Answer', cell: item => <AnswerBadge answer={item.answer} /> },
          { title: 'Kind', cell: item => KINDS[item.kind], wideOnly: true },
          { title: 'Agent', cell: item => visible(item.agent_id), wideOnly: true },
          {
            title: 'By',
            cell: item => <span class="mono">{visible(item.answer?.answered_by ?? '')}</span>,
            wideOnly: true,
          },
          { title: 'When', cell: item => <Time at={item.answer?.answered_at} /> },
        ]}
        actions={item => (
          <Button small kind="quiet" onClick={() => setOpen(item)}>
            Details
          </Button>
        )}
      />
      {open !== undefined && (
        <Dialog title={`${KINDS[open.kind]}: ${visible(open.tool_name)}`} wide onClose={() => setOpen(undefined)}>
          <div class="stack">
            {open.message !== undefined && <p>{visible(open.message)}</p>}
            <AnswerFacts answer={open.answer ?? {}} asked={open.arguments} />
            {seesRunsOf(open.owner) && (
              <p class="small">
                <Link to={`/runs/${encodeURIComponent(open.run_id)}`}>Open the run</Link>
              </p>
            )}
          </div>
        </Dialog>
      )}
    </>
  )
}
