import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { duration, visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { Json } from '../kit/Json'
import { Badge } from '../kit/Status'
import { clock } from './clock'
import type { ToolPart, ToolState } from './parts'

const WORDS: Record<ToolState['status'], string> = { started: 'running', completed: 'completed', failed: 'failed', unknown: 'called' }
const KINDS = { started: 'live', completed: 'ok', failed: 'bad', unknown: 'plain' } as const

/** A call of a tool: its name and state, and folded its arguments and its result. */
export function ToolCall({ part, isPaused }: { part: ToolPart; isPaused: boolean }): VNode {
  const [open, setOpen] = useState(false)
  const state = part.state.value
  return (
    <details class="step" open={open} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary class="step-head">
        <Icon name="tools" size={15} />
        <span class="mono chat-tool">{visible(part.name)}</span>
        <span class="faint clip chat-hint mono">{open ? '' : hint(part.arguments)}</span>
        {part.remembered && <span class="faint">{part.remembered === 'approve' ? 'approved' : 'rejected'}</span>}
        {state.status === 'started' && isPaused ? <Badge kind="warn">waiting</Badge> : (
          <>
            <Badge kind={KINDS[state.status]}>{WORDS[state.status]}</Badge>
            <Took part={part} state={state} />
          </>
        )}
      </summary>
      {open && (
        <div class="step-body stack">
          <Labelled label="Arguments"><Json value={part.arguments ?? {}} copy /></Labelled>
          {state.error !== undefined && <Labelled label="Error"><pre class="code code-wrap chat-bad">{visible(state.error)}</pre></Labelled>}
          {state.result !== undefined && <Labelled label="Result"><Result text={state.result} /></Labelled>}
        </div>
      )}
    </details>
  )
}

const Labelled = ({ label, children }: { label: string; children: VNode }): VNode => (
  <div class="stack stack-tight">
    <div class="small faint">{label}</div>
    {children}
  </div>
)

/** Characters of a result that are shown before one asks for all. */
const FIRST = 4_000

function Result({ text }: { text: string }): VNode {
  const [all, setAll] = useState(false)
  const value = text.length < 200_000 ? structured(text) : undefined
  if (value !== undefined) return <Json value={value} copy />
  const shown = all ? text : text.slice(0, FIRST)
  return (
    <>
      <pre class="code code-wrap" tabIndex={0}>{visible(shown)}</pre>
      {shown.length < text.length && <button type="button" class="button button-small" onClick={() => setAll(true)}>Show all {text.length.toLocaleString('en')} characters</button>}
    </>
  )
}

function structured(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The arguments on one line. */
function hint(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = typeof value === 'object' ? Object.entries(value).map(([name, one]) => `${name}: ${short(one)}`).join(', ') : String(value)
  return visible(text.slice(0, 200))
}

const short = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 80) : (JSON.stringify(value) ?? '').slice(0, 80))

function Took({ part, state }: { part: ToolPart; state: ToolState }): VNode | null {
  if (state.duration !== undefined) return <span class="faint chat-took">{duration(state.duration)}</span>
  if (state.status !== 'started' || part.begun === null) return null
  return <span class="chat-live faint chat-took">{Math.max(0, Math.floor((clock.value - part.begun) / 1000))} s</span>
}
