import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { Copy } from '../kit/Copy'
import { Checkbox, TextArea } from '../kit/Field'
import { visible } from '../kit/format'
import { Json } from '../kit/Json'
import { SchemaForm, type FormResult } from '../kit/SchemaForm'
import { hasRoundedNumbers } from '../kit/schema/text'
import { isObject, same, type Schema } from '../kit/schema/values'
import { askedBy, decisionOf, whoMay } from './answers'
import { commandFor } from './mayAnswer'
import type { AnswerForm } from './Pending'
import { schemaOf } from './toolSchemas'

const ANY = {}
const MOST_MESSAGE = 2000

/** Approve, with other arguments if need be, or reject. */
export function Decide({ action, busy, reason, send }: AnswerForm): VNode {
  const [schema, setSchema] = useState<Schema>()
  const [editing, setEditing] = useState(false)
  const [edited, setEdited] = useState<FormResult>({ value: null })
  const [message, setMessage] = useState('')
  const [remember, setRemember] = useState(false)
  useEffect(() => {
    let current = true
    void schemaOf(action.tool_name).then(found => current && setSchema(found))
    return () => {
      current = false
    }
  }, [action.tool_name])

  const mayEdit = isObject(action.arguments)
    ? hasRoundedNumbers(action.arguments)
      ? 'The arguments have a number that this page cannot keep exactly.'
      : undefined
    : 'The arguments are no JSON object.'
  const changed = editing && edited !== undefined && !same(edited.value, action.arguments)
  const invalid = editing && (edited === undefined || !isObject(edited.value))
  const decide = (decision: 'approve' | 'reject'): void => {
    const given = changed && isObject(edited?.value) ? edited.value : undefined
    send(decisionOf(action, decision, { arguments: given, message, remember }))
  }
  const command = commandFor(action)
  const asked = askedBy(action.rule)
  return (
    <>
      {editing ? (
        <SchemaForm schema={schema ?? ANY} value={action.arguments} onChange={setEdited} strict jsonLabel="Arguments" />
      ) : (
        <div class="pending-arguments">
          {isObject(action.arguments) ? (
            <Json value={action.arguments} open={3} />
          ) : (
            <pre class="code code-wrap">{visible(String(action.arguments ?? ''))}</pre>
          )}
        </div>
      )}
      <div class="row row-wrap row-spread">
        <span class="small faint">
          {whoMay(action)}
          {asked !== '' && ` Asked for by ${visible(asked)}.`}
        </span>
        {editing ? (
          <Button small kind="quiet" onClick={() => setEditing(false)}>
            Discard changes
          </Button>
        ) : (
          <Button small kind="quiet" icon="edit" reason={reason ?? mayEdit} onClick={() => setEditing(true)}>
            Edit arguments
          </Button>
        )}
      </div>
      <TextArea
        label="Message"
        hint="The model reads it, as the reason of a rejection."
        optional
        rows={1}
        class="pending-note"
        maxLength={MOST_MESSAGE}
        value={message}
        onInput={setMessage}
      />
      {action.remember === true && (
        <Checkbox
          label="Do the same for later calls of this tool in this session"
          hint={changed ? 'Not with changed arguments.' : undefined}
          checked={remember && !changed}
          disabled={changed}
          onChange={setRemember}
        />
      )}
      {reason !== undefined && <p class="small soft">{visible(reason)}</p>}
      {command !== undefined && (
        <div class="row">
          <code class="code code-wrap grow">{visible(command)}</code>
          <Copy text={command} label="Copy the command" />
        </div>
      )}
      <div class="row row-wrap">
        <Button
          kind="primary"
          icon="check"
          busy={busy}
          reason={reason ?? (invalid ? 'The arguments do not fit.' : undefined)}
          onClick={() => decide('approve')}
        >
          {changed ? 'Approve with changes' : 'Approve'}
        </Button>
        <Button danger icon="close" busy={busy} reason={reason} onClick={() => decide('reject')}>
          Reject
        </Button>
      </div>
    </>
  )
}
