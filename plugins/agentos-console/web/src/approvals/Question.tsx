import type { VNode } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { visible } from '../kit/format'
import { Json } from '../kit/Json'
import { SchemaForm, type FormResult } from '../kit/SchemaForm'
import { isObject } from '../kit/schema/values'
import type { AnswerForm } from './Pending'

/** Answer the question of a tool, in a form made from its schema. */
export function Question({ action, busy, reason, send }: AnswerForm): VNode {
  const schema = useMemo(() => action.schema ?? { type: 'string' }, [action.id])
  const [answer, setAnswer] = useState<FormResult>()
  const [tried, setTried] = useState(false)
  const answerNow = (): void => {
    setTried(true)
    if (answer !== undefined) send({ id: action.id, output: answer.value })
  }
  const hasArguments = isObject(action.arguments) && Object.keys(action.arguments).length > 0
  return (
    <form
      class="stack"
      onSubmit={event => {
        event.preventDefault()
        if (!busy && reason === undefined) answerNow()
      }}
    >
      {hasArguments && (
        <details>
          <summary class="soft small">What the tool was called with</summary>
          <Json value={action.arguments} open={3} />
        </details>
      )}
      <SchemaForm schema={schema} onChange={setAnswer} strict={tried} />
      {reason !== undefined && <p class="small soft">{visible(reason)}</p>}
      <div class="row">
        <Button type="submit" kind="primary" icon="send" busy={busy} reason={reason}>
          Answer
        </Button>
        {tried && answer === undefined && (
          <span class="small soft" role="status">
            Something is missing above.
          </span>
        )}
      </div>
    </form>
  )
}
