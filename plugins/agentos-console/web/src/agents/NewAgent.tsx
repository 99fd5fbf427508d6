import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { go } from '../app/router'
import { missing } from '../app/rights'
import { Button } from '../kit/Button'
import { APIError } from '@agentos-server/client'
import { ErrorNotice, Loading } from '../kit/Notice'
import { Page } from '../kit/Page'
import { tell } from '../kit/toast'
import { useResource } from '../kit/useResource'
import { definitionOf, draftOf, EMPTY, idFrom, type Draft, type Problems } from './draft'
import { DraftForm } from './DraftForm'
import { fieldProblems } from './refusals'
import { createAgent, readAgent } from './stored'

const BACK = { to: '/agents', label: 'All agents' }

/** A new agent, from nothing or from a copy. */
export function NewAgent({ copy }: { copy: string | null }): VNode {
  const start = useResource<Draft>(async signal => (copy === null ? EMPTY : await copyOf(copy, signal)), [copy])
  return (
    <Page title="New agent" back={BACK} narrow>
      {start.error !== undefined && (
        <ErrorNotice error={start.error} what="The agent to copy could not be loaded" retry={start.refresh} />
      )}
      {start.data === undefined ? start.error === undefined && <Loading /> : <Form start={start.data} />}
    </Page>
  )
}

async function copyOf(id: string, signal: AbortSignal): Promise<Draft> {
  const { agent } = await readAgent(id, signal)
  const draft = draftOf({ ...agent.definition })
  return { ...draft, id: '', name: draft.name === '' ? '' : `${draft.name} (copy)` }
}

function Form({ start }: { start: Draft }): VNode {
  const [draft, setDraft] = useState(start)
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [refused, setRefused] = useState<Problems>({})
  const { definition, problems } = definitionOf(draft)
  const isShown = useRef(true)
  useEffect(
    () => () => {
      isShown.current = false
    },
    [],
  )
  const isFine = Object.keys(problems).length === 0
  const save = async (): Promise<void> => {
    setTried(true)
    if (!isFine) return
    setBusy(true)
    setError(undefined)
    setRefused({})
    try {
      const { agent } = await createAgent(definition, draft.comment)
      tell('The agent is stored.')
      // Not for a person who went elsewhere meanwhile.
      if (isShown.current) go(`/agents/${encodeURIComponent(agent.id)}`)
    } catch (caught) {
      if (caught instanceof APIError && caught.code === 'AGENT_EXISTS') setRefused({ id: 'is taken by another agent' })
      else setRefused(fieldProblems(caught))
      setError(caught)
    } finally {
      setBusy(false)
    }
  }
  // The id follows the name until one is typed.
  const change = (changes: Partial<Draft>): void =>
    setDraft(before => {
      const follows = changes.name !== undefined && before.id === idFrom(before.name)
      return { ...before, ...(follows ? { id: idFrom(changes.name ?? '') } : {}), ...changes }
    })
  return (
    <form
      class="stack stack-wide"
      onSubmit={event => {
        event.preventDefault()
        if (!busy) void save()
      }}
    >
      <DraftForm draft={draft} problems={{ ...(tried ? problems : {}), ...refused }} onChange={change} isNew />
      {error !== undefined && <ErrorNotice error={error} what="The agent was not stored" />}
      <div class="row">
        <Button type="submit" kind="primary" busy={busy} reason={missing('agents:write')}>
          Save
        </Button>
        {tried && !isFine && (
          <span class="small run-bad" role="status">
            Something above is not right yet.
          </span>
        )}
      </div>
    </form>
  )
}
