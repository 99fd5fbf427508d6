import { APIError, type Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { missing } from '../app/rights'
import { client } from '../app/session'
import { Button } from '../kit/Button'
import { TextField } from '../kit/Field'
import { isAbort } from '../kit/errors'
import { ErrorNotice } from '../kit/Notice'
import { SchemaForm, type FormResult } from '../kit/SchemaForm'
import { CallResult, type Outcome } from './CallResult'

interface Around {
  agent_id: string
  session_id: string
  user_id: string
}

/** Call a tool by hand. It really runs, with the checks and limits that it has in a run. */
export function CallTool({ tool }: { tool: Schemas['Tool'] }): VNode {
  const [given, setGiven] = useState<FormResult>()
  const [around, setAround] = useState<Around>({ agent_id: '', session_id: '', user_id: '' })
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [outcome, setOutcome] = useState<Outcome>()
  const [error, setError] = useState<unknown>()
  const control = useRef<AbortController | null>(null)
  useEffect(() => () => control.current?.abort(), [])

  const call = async (): Promise<void> => {
    setTried(true)
    if (given === undefined) return
    const mine = (control.current = new AbortController())
    setBusy(true)
    setError(undefined)
    setOutcome(undefined)
    const named = Object.entries(around).filter(([, value]) => value.trim() !== '')
    const body = { arguments: given.value, ...Object.fromEntries(named) }
    try {
      const path = `/api/v1/tools/${encodeURIComponent(tool.name)}/call`
      // A call may act: it is sent once, also where its answer is lost.
      const { data } = await client().request<Outcome>('POST', path, { body, signal: mine.signal, retries: 0 })
      setOutcome(data)
    } catch (caught) {
      if (!isAbort(caught)) setError(caught)
    } finally {
      setBusy(false)
    }
  }
  const reason = missing('tools:call')
  const field = (name: keyof Around, label: string, hint: string): VNode => (
    <TextField
      label={label}
      hint={hint}
      optional
      value={around[name]}
      onInput={value => setAround({ ...around, [name]: value })}
    />
  )
  return (
    <section class="panel" aria-label="Call it">
      <div class="panel-head">
        <h2>Call it</h2>
      </div>
      <form
        class="panel-body stack"
        onSubmit={event => {
          event.preventDefault()
          if (!busy && reason === undefined) void call()
        }}
      >
        <p class="soft small">The tool really runs, with the same checks and limits as in a run.</p>
        <SchemaForm schema={tool.parameters} onChange={setGiven} strict={tried} jsonLabel="Arguments" />
        <details>
          <summary class="small soft">As the call of an agent</summary>
          <div class="stack tool-around">
            {field('agent_id', 'Agent', 'Its rules about the tool count.')}
            {field('session_id', 'Session', 'The session that the tool is shown.')}
            {field('user_id', 'User', 'The user that the tool is shown.')}
          </div>
        </details>
        {reason !== undefined && <p class="small soft">{reason}</p>}
        <div class="row">
          <Button type="submit" kind="primary" icon="play" busy={busy} reason={reason}>
            Call
          </Button>
          {busy && (
            <Button kind="quiet" icon="stop" onClick={() => control.current?.abort()}>
              Stop waiting
            </Button>
          )}
          {tried && given === undefined && (
            <span class="small run-bad" role="status">
              The arguments do not fit yet.
            </span>
          )}
        </div>
        {error !== undefined && (
          <ErrorNotice error={error} what="The tool was not called">
            {error instanceof APIError && error.code === 'RUN_REQUIRED' && (
              <div>Such a call waits for a person, and only a run can wait. Ask an agent that has the tool.</div>
            )}
          </ErrorNotice>
        )}
        {outcome !== undefined && <CallResult outcome={outcome} />}
      </form>
    </section>
  )
}
