import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { connection, tryNow } from './connection'

/** One quiet line while the server cannot be reached. When it is back, the views load again by themselves. */
export function Banner(): VNode {
  const [busy, setBusy] = useState(false)
  const offline = connection.value === 'offline'
  const retry = async (): Promise<void> => {
    setBusy(true)
    await tryNow()
    setBusy(false)
  }
  return (
    <div role="status">
      {offline && (
        <div class="banner">
          <span class="grow">The server cannot be reached. Trying again; what you see may be old until then.</span>
          <Button small busy={busy} onClick={retry}>Try now</Button>
        </div>
      )}
    </div>
  )
}
