import { APIError } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { missing } from '../app/rights'
import { useShortcut } from '../app/shortcuts'
import { Button } from '../kit/Button'
import { ErrorNotice, Notice } from '../kit/Notice'
import { tell } from '../kit/toast'
import { Conflict } from './Conflict'
import { compare } from './changes'
import { definitionOf, draftOf, type Definition, type Draft, type Problems } from './draft'
import { DraftForm } from './DraftForm'
import { fieldProblems } from './refusals'
import { readAgent, replaceAgent, type Tagged } from './stored'
import { useDraft } from './useDraft'

interface EditAgentProps {
  tagged: Tagged
  onSaved: (tagged: Tagged) => void
}

const definitionIn = (tagged: Tagged): Definition => ({ ...tagged.agent.definition, id: tagged.agent.id })

/** The editor of a stored agent. It saves only over the version that it was begun with. */
export function EditAgent({ tagged, onSaved }: EditAgentProps): VNode {
  const { draft, base, change, reset } = useDraft(tagged)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [refused, setRefused] = useState<Problems>({})
  const [other, setOther] = useState<Tagged>()
  const { definition, problems } = definitionOf(draft, definitionIn(base))
  // Compared as drafts, so that a default that the server fills in is no change.
  const started = definitionOf(draftOf(definitionIn(base)), definitionIn(base)).definition
  const isChanged = compare(started, definition).length > 0
  const isFine = Object.keys(problems).length === 0

  const save = async (over: Tagged): Promise<void> => {
    setBusy(true)
    setError(undefined)
    setRefused({})
    try {
      const saved = await replaceAgent(tagged.agent.id, definition, draft.comment, over.tag)
      setOther(undefined)
      reset(saved)
      onSaved(saved)
      tell(
        saved.agent.version === over.agent.version
          ? 'Nothing was different: the version stays.'
          : `Version ${saved.agent.version} is stored.`,
      )
    } catch (caught) {
      if (caught instanceof APIError && caught.status === 412) await showOther()
      else {
        setRefused(fieldProblems(caught))
        setError(caught)
      }
    } finally {
      setBusy(false)
    }
  }
  const showOther = async (): Promise<void> => {
    try {
      setOther(await readAgent(tagged.agent.id))
    } catch (caught) {
      setError(caught)
    }
  }
  const discard = (to: Tagged): void => {
    setOther(undefined)
    setError(undefined)
    setRefused({})
    reset(to)
    onSaved(to)
  }
  useUnsaved(isChanged)
  const mayWrite = missing('agents:write')
  const reason = mayWrite ?? (isFine ? (isChanged ? undefined : 'Nothing is changed.') : 'Something is not right yet.')
  useShortcut('mod+s', 'Save the agent', () => {
    if (reason === undefined && !busy && other === undefined) void save(base)
  })
  const set = (changes: Partial<Draft>): void => change(changes)
  return (
    <form
      class="stack stack-wide"
      onSubmit={event => {
        event.preventDefault()
        if (reason === undefined && !busy && other === undefined) void save(base)
      }}
    >
      {mayWrite !== undefined && <Notice>{mayWrite} It can be looked at, and not changed.</Notice>}
      <fieldset class="stack stack-wide" disabled={mayWrite !== undefined}>
        <DraftForm draft={draft} problems={{ ...problems, ...refused }} onChange={set} />
      </fieldset>
      {other !== undefined && (
        <Conflict
          base={definitionIn(base)}
          theirs={definitionIn(other)}
          version={other.agent.version}
          mine={definition}
          busy={busy}
          onKeepMine={() => void save(other)}
          onTakeTheirs={() => discard(other)}
        />
      )}
      {error !== undefined && <ErrorNotice error={error} what="The agent was not stored" />}
      <div class="agent-save">
        <Button type="submit" kind="primary" busy={busy} reason={other === undefined ? reason : 'Decide above first.'}>
          Save
        </Button>
        {isChanged && (
          <>
            <Button kind="quiet" onClick={() => discard(tagged)}>
              Discard changes
            </Button>
            <span class="small soft" role="status">
              Not saved yet
            </span>
          </>
        )}
      </div>
    </form>
  )
}

/** Ask before the page is left with changes that are not saved. */
function useUnsaved(isChanged: boolean): void {
  useEffect(() => {
    if (!isChanged) return
    const hold = (event: BeforeUnloadEvent): void => event.preventDefault()
    addEventListener('beforeunload', hold)
    return () => removeEventListener('beforeunload', hold)
  }, [isChanged])
}
