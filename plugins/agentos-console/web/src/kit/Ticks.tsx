import type { VNode } from 'preact'
import { visible } from './format'

/** A text of the server's documentation: what stands in backticks becomes code, all else stays text. */
export function Ticks({ text }: { text: string }): VNode {
  return <>{visible(text).split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>
}
