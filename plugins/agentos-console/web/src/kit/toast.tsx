// Short messages at the edge. What failed is an alert and stays; what worked is a status and goes.
import { signal } from '@preact/signals'
import type { VNode } from 'preact'
import { Button } from './Button'
import { describeError } from './errors'
import { Icon } from './Icon'

interface Message {
  id: number
  kind: 'ok' | 'bad'
  text: string
  facts: string[]
}

const SHOWN = 5000

const messages = signal<readonly Message[]>([])
let last = 0

function add(message: Omit<Message, 'id'>): number {
  const id = ++last
  messages.value = [...messages.value.slice(-3), { ...message, id }]
  return id
}

function remove(id: number): void {
  messages.value = messages.value.filter(one => one.id !== id)
}

/** Says that something was done. */
export function tell(text: string): void {
  const id = add({ kind: 'ok', text, facts: [] })
  setTimeout(() => remove(id), SHOWN)
}

/** Says that something failed, and why. */
export function tellError(error: unknown, what?: string): void {
  const { title, facts } = describeError(error)
  add({ kind: 'bad', text: what === undefined ? title : `${what}: ${title}`, facts })
}

/** Where messages appear; once, in the shell. */
export function Toasts(): VNode {
  const list = (kind: Message['kind']): VNode[] =>
    messages.value
      .filter(message => message.kind === kind)
      .map(message => (
        <div class={`notice notice-${kind} toast`} key={message.id}>
          <Icon name={kind} />
          <div class="notice-body">
            <div>{message.text}</div>
            {message.facts.length > 0 && <div class="notice-facts">{message.facts.map(fact => <span key={fact}>{fact}</span>)}</div>}
          </div>
          <Button kind="quiet" small icon="close" label="Dismiss" onClick={() => remove(message.id)} />
        </div>
      ))
  return (
    <div class="toasts">
      <div role="alert" class="stack">{list('bad')}</div>
      <div role="status" class="stack">{list('ok')}</div>
    </div>
  )
}
