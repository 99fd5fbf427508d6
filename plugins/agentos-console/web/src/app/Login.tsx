import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { TextField } from '../kit/Field'
import { hasStatus } from '../kit/errors'
import { ErrorNotice } from '../kit/Notice'
import { Icon } from '../kit/Icon'
import { loadRights } from './rights'
import { connect, key, setKey, title } from './session'

const PRINTABLE = /^[!-~]+$/

/** Asks for a key. The server says whether it is right; what it may do is shown in the shell. */
export function Login(): VNode {
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [odd, setOdd] = useState(false)
  const refused = key.value !== null && error === null

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    const entered = text.trim()
    if (entered === '' || busy) return
    setError(null)
    setOdd(!PRINTABLE.test(entered))
    // A browser cannot even send it.
    if (!PRINTABLE.test(entered)) return
    setBusy(true)
    try {
      await loadRights(connect(entered, fetch.bind(globalThis)))
      setKey(entered)
    } catch (failed) {
      setError(failed)
    } finally {
      setBusy(false)
    }
  }
  const wrong = odd ? 'This is no key: it has letters that no key has.' : hasStatus(error, 401) ? 'The server does not know this key, or it is revoked or expired.' : null
  return (
    <main class="gate">
      <form class="gate-box stack stack-wide" onSubmit={submit}>
        <div class="stack stack-tight">
          <div class="gate-mark"><Icon name="lock" size={20} /></div>
          <h1 class="gate-title">{title}</h1>
          <p class="soft">This server asks for an API key.</p>
        </div>
        {refused && <p class="soft">The key of before is no longer accepted.</p>}
        <TextField label="API key" type="password" name="key" autofocus spellcheck={false} autocapitalize="off" value={text} onInput={setText} error={wrong} hint="It stays in this tab until you close it." />
        {error !== null && wrong === null && <ErrorNotice error={error} what="The key could not be checked" />}
        <Button kind="primary" type="submit" busy={busy}>Log in</Button>
        <details class="small soft">
          <summary>Where do I get a key?</summary>
          <p>From the people who run the server. On its machine, this command makes one:</p>
          <pre class="code code-wrap">flask agentos keys create me</pre>
        </details>
      </form>
    </main>
  )
}
