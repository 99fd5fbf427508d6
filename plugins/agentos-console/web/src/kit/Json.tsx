// A JSON value as a tree that opens. Foreign text is text, and what cannot be seen in it is written out.
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from './Button'
import { Copy } from './Copy'
import { count, plural, visible } from './format'
import { jsonText } from './schema/text'
import { isObject } from './schema/values'

const MOST_ITEMS = 100
const MOST_TEXT = 2000
const DEEPEST = 60

interface JsonProps {
  value: unknown
  /** How many levels are open at first. */
  open?: number
  /** Whether there is a button that copies it. */
  copy?: boolean
}

/** A JSON value. A text alone is shown as a text. */
export function Json({ value, open = 2, copy = false }: JsonProps): VNode {
  return (
    <div class="json-box">
      <div class="json grow" tabIndex={0} role="group" aria-label="JSON">
        {isObject(value) && Object.keys(value).length > 0 ? (
          <Items entries={Object.entries(value)} open={open} depth={0} />
        ) : (
          <Value value={value} open={open} depth={0} />
        )}
      </div>
      {copy && <Copy text={jsonText(value)} label="Copy JSON" />}
    </div>
  )
}

interface ValueProps {
  name?: string
  value: unknown
  open: number
  depth: number
}

function Value({ name, value, open, depth }: ValueProps): VNode {
  if (typeof value === 'object' && value !== null) {
    const entries: [string, unknown][] = Array.isArray(value)
      ? value.map((item, at) => [String(at), item])
      : Object.entries(value)
    if (entries.length > 0)
      return <Branch name={name} entries={entries} isList={Array.isArray(value)} open={open} depth={depth} />
  }
  return (
    <div class="json-line">
      <Key name={name} />
      <Leaf value={value} />
    </div>
  )
}

interface BranchProps {
  name: string | undefined
  entries: [string, unknown][]
  isList: boolean
  open: number
  depth: number
}

function Branch({ name, entries, isList, open, depth }: BranchProps): VNode {
  const [isOpen, setOpen] = useState(depth < open)
  const size = plural(entries.length, isList ? 'item' : 'field')
  return (
    <details open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>
        <Key name={name} />
        <span class="json-note">
          {isList ? '[ ' : '{ '}
          {size}
          {isList ? ' ]' : ' }'}
        </span>
      </summary>
      {isOpen && <Items entries={entries} open={open} depth={depth + 1} />}
    </details>
  )
}

/** Items of what is folded are not drawn before it is opened: a result can have a million of them. */
function Items({
  entries,
  open,
  depth,
}: {
  entries: readonly [string, unknown][]
  open: number
  depth: number
}): VNode {
  const [most, setMost] = useState(MOST_ITEMS)
  if (depth > DEEPEST) return <div class="json-line json-note">deeper than is shown here</div>
  return (
    <ul class={depth === 0 ? 'json-root' : undefined}>
      {entries.slice(0, most).map(([key, item]) => (
        <li key={key}>
          <Value name={key} value={item} open={open} depth={depth} />
        </li>
      ))}
      {entries.length > most && (
        <li>
          <Button small kind="quiet" onClick={() => setMost(most + 10 * MOST_ITEMS)}>
            {count(entries.length - most)} more
          </Button>
        </li>
      )}
    </ul>
  )
}

function Key({ name }: { name: string | undefined }): VNode | null {
  if (name === undefined) return null
  return (
    <>
      <span class="json-key">{visible(name)}</span>
      {': '}
    </>
  )
}

function Leaf({ value }: { value: unknown }): VNode {
  if (typeof value === 'string') return <Text text={value} />
  if (typeof value === 'number') {
    const rounded = Number.isInteger(value) && !Number.isSafeInteger(value)
    return (
      <span class="json-number">
        {String(value)}
        {rounded && <span class="json-note"> about: the number is larger than this page can show exactly</span>}
      </span>
    )
  }
  if (Array.isArray(value)) return <span class="json-note">[ ]</span>
  if (typeof value === 'object' && value !== null) return <span class="json-note">{'{ }'}</span>
  return <span class="json-word">{String(value)}</span>
}

/** A text with several lines stands in a block of its own, so that none of its lines looks like a field. */
function Text({ text }: { text: string }): VNode {
  const [whole, setWhole] = useState(text.length <= MOST_TEXT)
  const shown = visible(whole ? text : text.slice(0, MOST_TEXT))
  const more = !whole && (
    <Button small kind="quiet" onClick={() => setWhole(true)}>
      Show all {count(text.length)} characters
    </Button>
  )
  if (!shown.includes('\n')) {
    return (
      <>
        <span class="json-string">{JSON.stringify(shown)}</span>
        {more}
      </>
    )
  }
  return (
    <>
      <span class="json-note">{plural(text.split('\n').length, 'line')}</span>
      <div class="json-block json-string">{shown}</div>
      {more}
    </>
  )
}
