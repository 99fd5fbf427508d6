import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Link } from '../app/router'
import { Dialog } from '../kit/Dialog'
import { Button } from '../kit/Button'
import { visible } from '../kit/format'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Table } from '../kit/Table'
import { Time } from '../kit/Time'
import { useList } from '../kit/useResource'
import { KINDS } from './answers'
import { AnswerBadge, AnswerFacts } from './AnswerFacts'
import type { AnsweredAction } from './types'

/** What was answered, by whom, and what was changed. */
export function Answered(): VNode {
  const list = useList<AnsweredAction>('/api/v1/approvals', 'approvals', { answered: true })
  const [open, setOpen] = useState<AnsweredAction>()
  if (list.error !== undefined && list.items === undefined) {
    return <ErrorNotice error={list.error} what="What was answered could not be loaded" retry={list.refresh} />
  }
  if (list.items === undefined) return <Loading what="Loading what was answered" />
  if (list.items.length === 0) {
    return (
      <Empty icon="history" title="Nothing was answered yet">
        Decisions and answers appear here with who gave them, and when. They go when their run is deleted.
      </Empty>
    )
  }
  return (
    <>
      <Table
        label="What was answered"
        rows={list.items}
        rowKey={item => item.id}
        more={list.more}
        loadingMore={list.loadingMore}
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
            <p class="small">
              <Link to={`/runs/${encodeURIComponent(open.run_id)}`}>Open the run</Link>
            </p>
          </div>
        </Dialog>
      )}
    </>
  )
}
