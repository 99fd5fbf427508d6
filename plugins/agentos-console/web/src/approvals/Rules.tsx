import type { VNode } from 'preact'
import { Link } from '../app/router'
import { missing } from '../app/rights'
import { client } from '../app/session'
import { ask } from '../kit/ask'
import { Button } from '../kit/Button'
import { visible } from '../kit/format'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Badge } from '../kit/Status'
import { Table } from '../kit/Table'
import { Time } from '../kit/Time'
import { tell, tellError } from '../kit/toast'
import { useList } from '../kit/useResource'
import { askedBy } from './answers'
import type { Rule } from './types'

/** Decisions that hold for later calls of a session; each can be revoked. */
export function Rules(): VNode {
  const list = useList<Rule>('/api/v1/approvals/rules', 'rules')
  const revoke = async (rule: Rule): Promise<void> => {
    const yes = await ask({
      title: 'Revoke this decision?',
      text: `The next call of ${visible(rule.tool)} in its session waits for an approval again.`,
      confirm: 'Revoke',
      danger: true,
    })
    if (!yes) return
    try {
      await client().request('DELETE', `/api/v1/approvals/rules/${encodeURIComponent(rule.id)}`)
      list.change(rules => rules.filter(one => one.id !== rule.id))
      tell('The decision is revoked.')
    } catch (error) {
      tellError(error, 'The decision was not revoked')
    }
  }
  if (list.error !== undefined && list.items === undefined) {
    return <ErrorNotice error={list.error} what="The decisions could not be loaded" retry={list.refresh} />
  }
  if (list.items === undefined) return <Loading what="Loading remembered decisions" />
  if (list.items.length === 0) {
    return (
      <Empty icon="approvals" title="No decision is remembered">
        An approver may let a decision hold for later calls of a tool in a session. Such decisions are listed here, and
        can be revoked.
      </Empty>
    )
  }
  return (
    <Table
      label="Remembered decisions"
      rows={list.items}
      rowKey={rule => rule.id}
      more={list.more}
      loadingMore={list.loadingMore}
      columns={[
        { title: 'Tool', cell: rule => <span class="mono clip tool-cell">{visible(rule.tool)}</span> },
        {
          title: 'Decision',
          cell: rule => (
            <Badge kind={rule.decision === 'approve' ? 'ok' : 'bad'}>
              {rule.decision === 'approve' ? 'approved' : 'rejected'}
            </Badge>
          ),
        },
        { title: 'Agent', cell: rule => visible(rule.agent_id) },
        {
          title: 'Session',
          cell: rule => <Link to={`/chat/${encodeURIComponent(rule.session_id)}`}>{visible(rule.session_id)}</Link>,
          wideOnly: true,
        },
        { title: 'Asked for by', cell: rule => visible(askedBy(rule.rule)), wideOnly: true },
        { title: 'Decided by', cell: rule => <span class="mono">{visible(rule.answered_by)}</span>, wideOnly: true },
        { title: 'When', cell: rule => <Time at={rule.answered_at} /> },
      ]}
      actions={rule => (
        <Button small danger kind="quiet" reason={missing('runs:approve')} onClick={() => revoke(rule)}>
          Revoke
        </Button>
      )}
    />
  )
}
