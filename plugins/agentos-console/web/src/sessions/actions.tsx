// What can be done with a session, here and in the chat.
import { signal } from '@preact/signals'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { client } from '../app/session'
import { ask } from '../kit/ask'
import { Button } from '../kit/Button'
import { Dialog } from '../kit/Dialog'
import { ErrorNotice } from '../kit/Notice'
import { TextField } from '../kit/Field'
import { plural, visible } from '../kit/format'
import { tell, tellError } from '../kit/toast'
import type { Session } from '../chat/types'

export const pathOf = (session: Session): string => `/api/v1/sessions/${encodeURIComponent(session.session_id)}`

export const nameOf = (session: Session): string => visible(session.name || 'Untitled session')

/** Delete a session, if the person wants it; return whether it is gone. */
export async function deleteSession(session: Session): Promise<boolean> {
  const text = `“${nameOf(session)}” and its ${plural(session.run_count, 'run')} are deleted, with their messages, events and files. A run that is under way is cancelled. This cannot be undone.`
  if (!(await ask({ title: 'Delete the session?', text, confirm: 'Delete', danger: true }))) return false
  try {
    await client().request('DELETE', pathOf(session))
    tell('The session is deleted.')
    return true
  } catch (error) {
    tellError(error, 'The session was not deleted')
    return false
  }
}

interface Renaming {
  session: Session
  save: (name: string | null) => Promise<void>
  done: (renamed: boolean) => void
}

const renaming = signal<Renaming | null>(null)

/** Ask for another name; return whether it was saved. */
export function askForName(session: Session, save: (name: string | null) => Promise<void>): Promise<boolean> {
  return new Promise(resolve => {
    renaming.value?.done(false)
    const done = (renamed: boolean): void => {
      renaming.value = null
      resolve(renamed)
    }
    renaming.value = { session, save, done }
  })
}

/** Where the question for a name appears. */
export function Renamer(): VNode | null {
  return renaming.value && <Rename key={renaming.value.session.session_id} {...renaming.value} />
}

function Rename({ session, save, done }: Renaming): VNode {
  const [name, setName] = useState(session.name ?? '')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const rename = async (): Promise<void> => {
    setBusy(true)
    try {
      await save(name.trim() || null)
      done(true)
    } catch (failed) {
      setError(failed)
      setBusy(false)
    }
  }
  return (
    <Dialog
      title="Rename the session"
      onClose={() => done(false)}
      actions={
        <>
          <Button onClick={() => done(false)}>Cancel</Button>
          <Button kind="primary" busy={busy} onClick={rename}>Rename</Button>
        </>
      }
    >
      <form
        class="stack"
        onSubmit={event => {
          event.preventDefault()
          void rename()
        }}
      >
        <TextField label="Name" value={name} onInput={setName} maxLength={1024} autofocus />
        {error !== null && <ErrorNotice error={error} what="The name was not saved" />}
      </form>
    </Dialog>
  )
}
