import type { VNode } from 'preact'

interface BarProps {
  /** Where it begins and how long it is, in the unit of `total`. */
  start?: number
  length: number
  total: number
  kind?: 'accent' | 'ok' | 'warn' | 'bad' | 'soft'
}

/** A part of a whole, as a bar. It is a picture only: say the numbers beside it. */
export function Bar({ start = 0, length, total, kind = 'accent' }: BarProps): VNode {
  const percent = (value: number): string => `${total > 0 ? Math.min(100, Math.max(0, (value / total) * 100)) : 0}%`
  return (
    <div class={`bar bar-${kind}`} aria-hidden="true">
      <div class="bar-fill" style={{ left: percent(start), width: percent(Math.min(length, total - start)) }} />
    </div>
  )
}
