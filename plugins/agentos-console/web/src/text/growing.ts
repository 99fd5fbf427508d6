// A text that grows, and who shows it.
import { BlockStream } from './blocks'

export class GrowingText {
  readonly blocks = new BlockStream()
  text = ''
  readonly #watchers = new Set<() => void>()

  constructor(text = '') {
    if (text) this.append(text)
  }

  append(text: string): void {
    this.text += text
    this.blocks.append(text)
    this.#changed()
  }

  /** No more text comes. */
  finish(): void {
    if (this.blocks.finished) return
    this.blocks.finish()
    this.#changed()
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => void this.#watchers.delete(changed)
  }

  #changed(): void {
    for (const changed of this.#watchers) changed()
  }
}
