import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { describe, rights } from '../app/rights'
import { client } from '../app/session'
import { Button } from '../kit/Button'
import { Dialog } from '../kit/Dialog'
import { Checkbox, Select, TextField } from '../kit/Field'
import { visible } from '../kit/format'
import { ErrorNotice } from '../kit/Notice'
import type { MadeKey } from './key'

/** What a program needs that talks to agents: the server's own default. */
const USUAL = ['agents:read', 'agents:run', 'sessions:read', 'sessions:write', 'runs:read', 'runs:cancel']

const DAYS = [
  { value: '', label: 'Never' },
  { value: '7', label: 'In 7 days' },
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
]

interface NewKeyDialogProps {
  onClose: () => void
  onMade: (key: MadeKey) => void
}

/** Makes an API key. It can do nothing that the key of this tab cannot. */
export function NewKeyDialog({ onClose, onMade }: NewKeyDialogProps): VNode {
  const [name, setName] = useState('')
  const [owner, setOwner] = useState('')
  const [days, setDays] = useState('90')
  const [scopes, setScopes] = useState<readonly string[]>(USUAL)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [tried, setTried] = useState(false)
  // The one that gives all the others comes last.
  const offered = describe((rights.value?.effective ?? []).toSorted((one, other) => Number(one === 'admin') - Number(other === 'admin')))

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    setTried(true)
    if (name.trim() === '' || scopes.length === 0 || busy) return
    setBusy(true)
    setError(null)
    try {
      const expires = days === '' ? {} : { expires_at: new Date(Date.now() + Number(days) * 86_400_000).toISOString() }
      const body = { name: name.trim(), scopes, ...(owner.trim() === '' ? {} : { owner: owner.trim() }), ...expires }
      const { data } = await client().request<MadeKey>('POST', '/api/v1/keys', { body })
      onMade(data)
    } catch (failed) {
      setError(failed)
      setBusy(false)
    }
  }
  const toggle = (scope: string, on: boolean): void => setScopes(on ? [...scopes, scope] : scopes.filter(one => one !== scope))
  return (
    <Dialog
      title="New key"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="new-key" busy={busy}>Create key</Button>
        </>
      }
    >
      <form id="new-key" class="stack" onSubmit={submit}>
        {error !== null && <ErrorNotice error={error} what="The key could not be made" />}
        <TextField label="Name" autofocus value={name} onInput={setName} maxLength={255} hint="For people: the program or person that uses it." error={tried && name.trim() === '' ? 'A name is wanted.' : null} />
        <TextField label="Owner" optional value={owner} onInput={setOwner} maxLength={255} hint="Keys of one owner see the same sessions and runs. Empty: a new owner with the key's name." />
        <Select label="Expires" value={days} options={DAYS} onChange={setDays} />
        <fieldset class="field">
          <legend class="field-label">What it may do</legend>
          {offered.map(({ scope, words }) => (
            <Checkbox key={scope} checked={scopes.includes(scope)} onChange={on => toggle(scope, on)} label={visible(words.charAt(0).toUpperCase() + words.slice(1))} hint={<code>{visible(scope)}</code>} />
          ))}
          {tried && scopes.length === 0 && <div class="field-error" role="alert">Choose one at least.</div>}
        </fieldset>
      </form>
    </Dialog>
  )
}
