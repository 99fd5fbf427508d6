import type { VNode } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { blocksOf } from './blocks'
import { forget, inNextFrame, now } from './frames'
import { GrowingText } from './growing'
import { TextView } from './render'

/** A Markdown text from a model or a person: formatted, and safe. It is written outside of Preact, frame by frame. */
export function Markdown({ text }: { text: string | GrowingText }): VNode {
  const root = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    if (!root.current) return
    const view = new TextView(root.current)
    const growing = text instanceof GrowingText ? text : null
    const blocks = growing?.blocks ?? blocksOf(text as string)
    const work = (): boolean => view.update(blocks)
    // What fits in a few milliseconds is there at once, so that short texts do not flicker.
    now(work)
    const unwatch = growing?.watch(() => inNextFrame(work))
    return () => {
      unwatch?.()
      forget(work)
    }
  }, [text])
  return <div ref={root} class="text" dir="auto" />
}
