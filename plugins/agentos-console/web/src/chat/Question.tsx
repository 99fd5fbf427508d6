import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { Copy } from '../kit/Copy'
import { TextArea } from '../kit/Field'
import { showControls } from '../text/visible'
import { Media } from './Media'
import type { Turn } from './turn'

interface QuestionProps {
  turn: Turn
  /** Why it cannot be asked again. */
  reason: string | undefined
  onAskAgain: ((text: string) => Promise<void>) | undefined
}

/** Characters from which a message may scroll, which the keyboard has to reach. */
const LONG = 800

/** What a person said, which can be changed and asked again. */
export function Question({ turn, reason, onAskAgain }: QuestionProps): VNode {
  const [draft, setDraft] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const text = turn.state.input.value
  const media = turn.state.media.value
  if (draft !== null && onAskAgain) {
    const ask = async (): Promise<void> => {
      setBusy(true)
      try {
        await onAskAgain(draft)
      } finally {
        setBusy(false)
      }
    }
    return (
      <section class="chat-question is-edited" aria-label="Your message">
        <TextArea
          label="Changed message"
          hideLabel
          value={draft}
          onInput={setDraft}
          ref={element => element?.focus()}
          onKeyDown={event => {
            if (event.key === 'Escape') setDraft(null)
            if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && (draft.trim() || media.length)) {
              event.preventDefault()
              void ask()
            }
          }}
        />
        <Media media={media} runId={turn.runId.value} uploads={turn.uploads} />
        <div class="row row-wrap">
          <span class="small faint grow">It is asked in a copy of this session, up to here. This one stays as it is.</span>
          <Button small onClick={() => setDraft(null)}>Cancel</Button>
          <Button small kind="primary" icon="fork" busy={busy} reason={draft.trim() || media.length ? undefined : 'Write something first.'} onClick={ask}>Ask again</Button>
        </div>
      </section>
    )
  }
  return (
    <section class="chat-question" aria-label="Your message">
      <Media media={media} runId={turn.runId.value} uploads={turn.uploads} />
      {text !== '' && <div class="chat-said" dir="auto" tabIndex={text.length > LONG ? 0 : undefined}>{showControls(text)}</div>}
      <div class="chat-tools">
        {text !== '' && <Copy text={text} label="Copy the message" />}
        {onAskAgain && <Button kind="quiet" small icon="edit" label="Edit and ask again" reason={reason} onClick={() => setDraft(text)} />}
      </div>
    </section>
  )
}
