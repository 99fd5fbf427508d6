import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { duration } from '../kit/format'
import { Icon } from '../kit/Icon'
import { Markdown } from '../text/Markdown'
import { clock } from './clock'
import type { ReasoningPart } from './parts'

/** What a model thought aloud: folded, with how long it took. */
export function Reasoning({ part }: { part: ReasoningPart }): VNode {
  const [open, setOpen] = useState(false)
  return (
    <details class="step" open={open} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary class="step-head">
        <Icon name="thought" size={15} />
        <span>Reasoning</span>
        <Took part={part} />
      </summary>
      {open && (
        <div class="step-body chat-reasoning">
          {part.hidden && <p class="faint">The provider does not show it.</p>}
          <Markdown text={part.content} />
        </div>
      )}
    </details>
  )
}

function Took({ part }: { part: ReasoningPart }): VNode | null {
  const ended = part.ended.value
  if (part.begun === null) return null
  if (ended !== null) return <span class="faint">{duration((ended - part.begun) / 1000)}</span>
  const seconds = Math.max(0, Math.floor((clock.value - part.begun) / 1000))
  return <span class="chat-live faint">{seconds} s</span>
}
