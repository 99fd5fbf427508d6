import { useLayoutEffect, useRef } from 'preact/hooks'
import { blocksOf, type BlockStream } from './blocks'
import { forget, inNextFrame, now } from './frames'
import { TextView } from './render'

/** A text that grows: `watch` calls back when there is more, and returns what ends that. */
export interface GrowingText {
  blocks: BlockStream
  watch(changed: () => void): () => void
}

/** A Markdown text from a model or a person: formatted, and safe. It is written outside of Preact, frame by frame. */
export function Markdown({ text }: { text: string | GrowingText }) {
  const root = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    if (!root.current) return
    const view = new TextView(root.current)
    const growing = typeof text === 'string' ? null : text
    const blocks = growing?.blocks ?? blocksOf(text as string)
    const work = () => view.update(blocks)
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
