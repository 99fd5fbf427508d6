// A block of code: its language, a button that copies it, and its lines, highlighted once they are complete.
import { codeFragment } from './sanitize'
import { showControls } from './visible'

/** Characters: highlighting more would take too long, and longer code is read elsewhere. */
const MOST = 30_000

export class CodeView {
  readonly element = document.createElement('figure')
  readonly #code = document.createElement('code')
  readonly #language: string
  #source: string[] = []
  #tail: HTMLElement | null = null

  constructor(language: string) {
    this.#language = /^[\w+#.-]{1,30}/.exec(language)?.[0] ?? ''
    this.element.className = 'text-code'
    const head = document.createElement('figcaption')
    head.className = 'text-code-head'
    const name = document.createElement('span')
    name.textContent = this.#language || 'text'
    const copy = document.createElement('button')
    copy.type = 'button'
    copy.className = 'button button-quiet button-small text-copy'
    copy.textContent = 'Copy'
    copy.setAttribute('aria-label', `Copy the ${this.#language || 'text'} code`)
    copy.addEventListener('click', () => void this.#copy(copy))
    head.append(name, copy)
    const lines = document.createElement('pre')
    lines.className = 'text-code-lines'
    lines.tabIndex = 0
    lines.dir = 'ltr'
    lines.append(this.#code)
    this.element.append(head, lines)
  }

  /** Code blocks that stand in lists and quotes get the same. */
  static replaceIn(fragment: DocumentFragment): void {
    for (const found of fragment.querySelectorAll('pre')) {
      const view = new CodeView(found.dataset.language ?? '')
      view.append((found.textContent ?? '').replace(/\n?$/, '\n'))
      found.replaceWith(view.element)
      view.finish()
    }
  }

  /** Add lines that will not change. */
  append(text: string): void {
    this.#tail?.remove()
    this.#tail = null
    this.#source.push(text)
    this.#code.append(lines(text))
  }

  /** Show the lines that may still grow. */
  tail(text: string): void {
    if (!this.#tail) {
      this.#tail = lines('')
      this.#code.append(this.#tail)
    }
    const shown = showControls(text)
    const node = this.#tail.firstChild
    if (node instanceof Text && shown.startsWith(node.data)) {
      if (shown.length > node.data.length) node.appendData(shown.slice(node.data.length))
    } else this.#tail.textContent = shown
  }

  /** Highlight the code, when the page has time for it. */
  finish(): void {
    const source = this.#source.join('')
    if (!this.#language || source.length > MOST) return
    whenIdle(async () => {
      const { highlight } = await import('./highlight')
      if (!this.element.isConnected) return
      const found = highlight(showControls(source), this.#language)
      if (found !== null) this.#code.replaceChildren(codeFragment(found))
    })
  }

  async #copy(button: HTMLButtonElement): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#source.join('') + (this.#tail?.textContent ?? ''))
      button.textContent = 'Copied'
    } catch {
      button.textContent = 'Not allowed'
    }
    setTimeout(() => (button.textContent = 'Copy'), 2000)
  }
}

/** A box of lines: a browser lays out the last box alone when it grows. */
function lines(text: string): HTMLElement {
  const box = document.createElement('span')
  box.className = 'text-code-part'
  box.textContent = showControls(text)
  return box
}

const waiting: (() => Promise<void>)[] = []

/** Do one thing after another, each in an idle moment. */
function whenIdle(work: () => Promise<void>): void {
  waiting.push(work)
  if (waiting.length === 1) next()
}

function next(): void {
  const work = waiting[0]
  if (!work) return
  const ask = window.requestIdleCallback ?? ((callback: () => void) => setTimeout(callback, 50))
  ask(
    () => {
      void work()
        .catch(() => {}) // Without its colours, code is as good.
        .finally(() => {
          waiting.shift()
          next()
        })
    },
    { timeout: 2000 },
  )
}
