import { APIError } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { Dialog } from '../kit/Dialog'
import { TextField } from '../kit/Field'
import { ErrorNotice, Notice } from '../kit/Notice'
import { tell } from '../kit/toast'
import { readAgent, rollBack, type Tagged } from './stored'

interface RollBackProps {
  tagged: Tagged
  version: number
  onClose: () => void
  onDone: (tagged: Tagged) => void
}

/** Ask, and go back to a version. It is stored as a new one; nothing is deleted. */
export function RollBack({ tagged, version, onClose, onDone }: RollBackProps): VNode {
  const [comment, setComment] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [isBehind, setBehind] = useState(false)
  const go = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      const now = await rollBack(tagged.agent.id, version, comment, tagged.tag)
      onDone(now)
      tell(`Version ${now.agent.version} is stored: it is as version ${version} was.`)
      onClose()
    } catch (caught) {
      if (caught instanceof APIError && caught.status === 412) {
        onDone(await readAgent(tagged.agent.id))
        setBehind(true)
      } else setError(caught)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={`Roll back to version ${version}?`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={busy} onClick={go}>
            Roll back
          </Button>
        </>
      }
    >
      <div class="stack">
        <p>
          Its definition is stored as a new version. Nothing is deleted, so it can be rolled back too. Runs that are
          under way keep the version that they have.
        </p>
        <TextField
          label="Comment"
          optional
          placeholder={`rollback to version ${version}`}
          maxLength={1000}
          value={comment}
          onInput={setComment}
        />
        {isBehind && (
          <Notice kind="warn">
            Meanwhile it was changed: version {tagged.agent.version} is stored now. Roll back again if that is still
            right.
          </Notice>
        )}
        {error !== undefined && <ErrorNotice error={error} what="It was not rolled back" />}
      </div>
    </Dialog>
  )
}
