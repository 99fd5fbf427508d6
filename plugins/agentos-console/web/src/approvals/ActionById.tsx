import type { VNode } from 'preact'
import { Button } from '../kit/Button'
import { hasStatus } from '../kit/errors'
import { visible } from '../kit/format'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { useGet } from '../kit/useResource'
import { AnswerFacts } from './AnswerFacts'
import { KINDS } from './answers'
import { OpenAction } from './OpenAction'
import type { AnsweredAction } from './types'

/** An action that the list does not have: further down in it, answered meanwhile, or gone. */
export function ActionById({ id, onDone, onFirst }: { id: string; onDone: () => unknown; onFirst: () => void }): VNode {
  const found = useGet<AnsweredAction>(`/api/v1/approvals/${encodeURIComponent(id)}`)
  const openFirst = <Button onClick={onFirst}>Open the first one</Button>
  if (hasStatus(found.error, 404)) {
    return (
      <Empty icon="approvals" title="It does not wait any more" actions={openFirst}>
        Its run has ended, or was deleted.
      </Empty>
    )
  }
  if (found.error !== undefined)
    return <ErrorNotice error={found.error} what="It could not be loaded" retry={found.refresh} />
  if (found.data === undefined) return <Loading />
  const { answer } = found.data
  if (answer === undefined) return <OpenAction item={found.data} onDone={onDone} />
  return (
    <section class="panel" aria-label="Answered">
      <div class="panel-head">
        <h2 class="grow clip">
          {KINDS[found.data.kind]} <span class="mono">{visible(found.data.tool_name)}</span>
        </h2>
      </div>
      <div class="panel-body stack">
        <p>It was answered.</p>
        <AnswerFacts answer={answer} asked={found.data.arguments} />
        <div class="row">{openFirst}</div>
      </div>
    </section>
  )
}
