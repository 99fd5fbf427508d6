import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Copy } from './Copy'
import { TextArea } from './Field'
import { plural, visible } from './format'

const LARGE = 100
const DEEP = 40
const LONG = 4000

interface JsonProps {
  value: unknown
  /** How many levels are open at first. */
  open?: number
  /** Whether there is a button that copies it. */
  copy?: boolean
}

/** A JSON value as a tree that folds. Everything in it is text, and what cannot be seen is made visible. */
export function Json({ value, open = 2, copy = false }: JsonProps): VNode {
  return (
    <div class="row" style={{ alignItems: 'flex-start' }}>
      <div class="json grow"><Node value={value} open={open} depth={0} /></div>
      {copy && <Copy text={JSON.stringify(value, null, 2)} label="Copy JSON" />}
    </div>
  )
}

interface NodeProps {
  name?: string | number
  value: unknown
  open: number
  depth: number
}

function Node({ name, value, open, depth }: NodeProps): VNode {
  const label = name === undefined ? null : <span class="json-key">{typeof name === 'number' ? name : visible(name)}: </span>
  if (typeof value !== 'object' || value === null) {
    return <div class={depth === 0 ? undefined : 'json-line'}>{label}<Leaf value={value} /></div>
  }
  const isArray = Array.isArray(value)
  const entries: (readonly [string | number, unknown])[] = isArray ? value.map((item, index) => [index, item] as const) : Object.entries(value)
  if (entries.length === 0) return <div class={depth === 0 ? undefined : 'json-line'}>{label}{isArray ? '[]' : '{}'}</div>
  if (depth > DEEP) return <div class="json-line">{label}<span class="json-note">too deep to show</span></div>
  return <Branch label={label} entries={entries} isArray={isArray} open={open} depth={depth} />
}

interface BranchProps {
  label: VNode | null
  entries: readonly (readonly [string | number, unknown])[]
  isArray: boolean
  open: number
  depth: number
}

/** Children of what is folded are not drawn before it is opened: a result can have a million of them. */
function Branch({ label, entries, isArray, open, depth }: BranchProps): VNode {
  const [isOpen, setOpen] = useState(depth < open)
  const [shown, setShown] = useState(LARGE)
  const size = isArray ? plural(entries.length, 'item') : plural(entries.length, 'field')
  return (
    <details open={isOpen} onToggle={event => event.currentTarget.open !== isOpen && setOpen(event.currentTarget.open)}>
      <summary>{label}<span class="json-note">{isArray ? '[' : '{'} {size} {isArray ? ']' : '}'}</span></summary>
      {isOpen && (
        <ul>
          {entries.slice(0, shown).map(([key, item]) => <li key={key}><Node name={key} value={item} open={open} depth={depth + 1} /></li>)}
          {shown < entries.length && (
            <li class="json-line"><button type="button" class="button button-small" onClick={() => setShown(shown + 10 * LARGE)}>Show more of {entries.length}</button></li>
          )}
        </ul>
      )}
    </details>
  )
}

function Leaf({ value }: { value: unknown }): VNode {
  const [whole, setWhole] = useState(false)
  if (typeof value === 'string') {
    const cut = !whole && value.length > LONG
    return (
      <>
        <span class="json-string">"{visible(cut ? value.slice(0, LONG) : value)}{cut ? '…' : '"'}</span>
        {cut && <button type="button" class="button button-small" onClick={() => setWhole(true)}>Show all {value.length} characters</button>}
      </>
    )
  }
  return <span class={typeof value === 'number' ? 'json-number' : 'json-word'}>{String(value)}</span>
}

interface JsonFieldProps {
  label: string
  hideLabel?: boolean
  /** The text as it is edited; it may be no JSON for a while. */
  text: string
  onInput: (text: string) => void
  hint?: string
  error?: string | null | undefined
  disabled?: boolean
  readOnly?: boolean
}

/** A JSON value as text that is edited. `parseJson` says whether it is one. */
export function JsonField({ text, onInput, error, ...rest }: JsonFieldProps): VNode {
  return <TextArea {...rest} code value={text} onInput={onInput} error={error ?? parseJson(text).error} onBlur={() => onInput(pretty(text))} />
}

/** A text as JSON, or what is wrong with it, in a sentence. */
export function parseJson(text: string): { value?: unknown; error?: string } {
  if (text.trim() === '') return { error: 'This is empty; JSON is wanted, as {}.' }
  try {
    return { value: JSON.parse(text) as unknown }
  } catch (error) {
    return { error: `This is no JSON: ${error instanceof Error ? error.message : 'it cannot be read'}.` }
  }
}

function pretty(text: string): string {
  const { value, error } = parseJson(text)
  return error === undefined ? JSON.stringify(value, null, 2) : text
}
