import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { TextArea } from '../kit/Field'
import { visible } from '../kit/format'
import { Json } from '../kit/Json'
import { JsonField, readJson } from '../kit/JsonField'
import type { AnswerForm } from './Pending'

/** A tool that the client of the run executes. A person may answer in its place. */
export function ClientToolAnswer({ action, busy, reason, send }: AnswerForm): VNode {
  const [output, setOutput] = useState('')
  const [problem, setProblem] = useState('')
  const read = readJson(output)
  return (
    <>
      <p class="soft">The client that began the run executes this tool. You can answer in its place.</p>
      <Json value={action.arguments} open={3} />
      <JsonField label="Result as JSON" optional rows={3} value={output} onInput={setOutput} />
      <TextArea label="Or why it failed" optional rows={1} value={problem} onInput={setProblem} />
      {reason !== undefined && <p class="small soft">{visible(reason)}</p>}
      <div class="row">
        <Button
          kind="primary"
          icon="send"
          busy={busy}
          reason={reason ?? (read.ok && problem.trim() === '' ? undefined : 'Give a result as JSON, and no error.')}
          onClick={() => read.ok && send({ id: action.id, output: read.value })}
        >
          Give the result
        </Button>
        <Button
          danger
          busy={busy}
          reason={reason ?? (problem.trim() === '' ? 'Say why it failed.' : undefined)}
          onClick={() => send({ id: action.id, error: problem.trim() })}
        >
          It failed
        </Button>
      </div>
    </>
  )
}
