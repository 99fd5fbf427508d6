import type { VNode } from 'preact'
import { Button } from '../kit/Button'
import { Notice } from '../kit/Notice'
import { compare } from './changes'
import { Diff } from './Diff'
import type { Definition } from './draft'

interface ConflictProps {
  /** What the draft was begun with. */
  base: Definition
  /** What is stored now. */
  theirs: Definition
  version: number | undefined
  /** The draft. */
  mine: Definition
  busy: boolean
  onKeepMine: () => void
  onTakeTheirs: () => void
}

/** Another person changed the agent meanwhile: what they changed, and what the draft would change. */
export function Conflict({ base, theirs, version, mine, busy, onKeepMine, onTakeTheirs }: ConflictProps): VNode {
  return (
    <section class="stack" aria-label="Conflict">
      <Notice
        kind="warn"
        title={`Meanwhile it was changed: version ${version ?? '?'} is stored now`}
        actions={
          <>
            <Button small danger busy={busy} onClick={onKeepMine}>
              Save mine over it
            </Button>
            <Button small busy={busy} onClick={onTakeTheirs}>
              Discard mine
            </Button>
          </>
        }
      >
        Nothing is lost yet, and each version is kept. You can also change the fields above first, and then save over
        it.
      </Notice>
      <div class="agent-conflict">
        <div class="stack">
          <h2>What the other change did</h2>
          <Diff changes={compare(base, theirs)} none="Its definition is as yours began." />
        </div>
        <div class="stack">
          <h2>What yours would change in it</h2>
          <Diff changes={compare(theirs, mine)} none="Nothing: both are the same." />
        </div>
      </div>
    </section>
  )
}
