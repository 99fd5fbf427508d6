import { useSignalEffect } from '@preact/signals'
import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { watchWaiting } from '../approvals/waiting'
import { hasStatus } from '../kit/errors'
import { Questions } from '../kit/ask'
import { ErrorNotice, Loading } from '../kit/Notice'
import { Toasts } from '../kit/toast'
import { Login } from './Login'
import { loadRights, rights } from './rights'
import { setPatterns } from './router'
import { key, locked } from './session'
import { Shell } from './Shell'
import { VIEWS } from './views'

setPatterns(VIEWS.flatMap(view => view.paths))

/** The console: a login where the server asks for a key, and the shell with the views. */
export function App(): VNode {
  const [error, setError] = useState<unknown>(null)
  const load = async (): Promise<void> => {
    setError(null)
    try {
      await loadRights()
    } catch (failed) {
      if (!hasStatus(failed, 401)) setError(failed)
    }
  }
  useEffect(() => void load(), [])
  useEffect(watchWaiting, [])
  // What was shown for one key must not stay for another one.
  useSignalEffect(() => {
    if (locked.value) rights.value = null
  })
  return (
    <>
      {content(error, load)}
      <Toasts />
      <Questions />
    </>
  )
}

function content(error: unknown, load: () => Promise<void>): VNode {
  if (locked.value) return <Login />
  if (rights.value !== null) return <Shell key={key.value} />
  if (error !== null) return <main class="gate"><div class="gate-box"><ErrorNotice error={error} what="The console could not begin" retry={load} /></div></main>
  return <Loading what="Starting" />
}
