// Writes the blocks of a text into the page: each frozen piece once, the tail anew. It works for a few milliseconds
// and says whether there is more, so that a long text never holds the page up.
import type { Block, BlockKind } from './block'
import type { BlockStream } from './blocks'
import { CodeView } from './code'
import { mended } from './cut'
import { html, inlineHtml } from './html'
import { textFragment } from './sanitize'

/** Milliseconds that one frame may take. */
export const BUDGET = 6

interface Shown {
  block: Block
  /** What pieces are appended to. */
  into: HTMLElement
  pieces: number
  code: CodeView | null
  done: boolean
}

export class TextView {
  readonly #root: HTMLElement
  #stream: BlockStream | null = null
  #shown: Shown[] = []
  #tail: ChildNode[] = []
  #tailText = ''
  /** The link definitions that the first pieces were read with. */
  #definitions = ''
  /** The level of the last heading: none is skipped, so that the page's outline holds. */
  #level = 2
  /** The time of the next reading of a long tail: it may take a fifth of the time. */
  #due = 0

  constructor(root: HTMLElement) {
    this.#root = root
  }

  /** Show what is new; return whether there is more to show. */
  update(stream: BlockStream, now: () => number = () => performance.now()): boolean {
    const start = now()
    // A link that was read before its definition came is read again, once.
    if (stream !== this.#stream || (stream.finished && this.#definitions !== stream.definitions)) this.#begin(stream)
    while (this.#freezeOne(stream)) {
      if (now() - start > BUDGET) return true
    }
    if (start < this.#due && !stream.finished) return true
    const begun = now()
    this.#showTail(stream)
    const took = now() - begun
    this.#due = took > 2 ? now() + 4 * took : 0
    return false
  }

  #begin(stream: BlockStream): void {
    this.#stream = stream
    this.#shown = []
    this.#tail = []
    this.#tailText = ''
    this.#level = 2
    this.#definitions = stream.definitions
    this.#root.replaceChildren()
  }

  /** Show the next frozen piece; return whether there may be another one. */
  #freezeOne(stream: BlockStream): boolean {
    let last = this.#shown.at(-1)
    if (!last || last.done) {
      const block = stream.blocks[this.#shown.length]
      if (!block || !(block.closed || block.kind === 'code' || block.pieces.length > 0)) return false
      this.#dropTail()
      last = this.#make(block, stream.definitions)
      this.#shown.push(last)
    }
    const { block } = last
    const piece = block.pieces[last.pieces]
    if (piece !== undefined) {
      this.#dropTail()
      last.pieces += 1
      if (last.code) last.code.append(piece)
      else placeIn(last.into, block.kind).append(...this.#outlined(nodes(block.kind, piece, block, stream.definitions), true))
    }
    if (!block.closed || last.pieces < block.pieces.length) return piece !== undefined
    last.code?.finish()
    return (last.done = true)
  }

  #make(block: Block, definitions: string): Shown {
    const code = block.kind === 'code' ? new CodeView(block.language) : null
    const into = code?.element ?? document.createElement(block.kind === 'paragraph' ? 'p' : 'div')
    if (!code) {
      into.className = `text-block is-${block.kind}`
      into.dir = 'auto'
    }
    const isTable = block.kind === 'table'
    if (isTable) into.append(finished(textFragment(html(block.pieces[0] ?? '', definitions))))
    this.#root.append(into)
    return { block, into, code, pieces: isTable ? 1 : 0, done: false }
  }

  #showTail(stream: BlockStream): void {
    const tail = stream.finished ? null : stream.tail()
    const text = tail?.text ?? ''
    const shown = tail?.block ? this.#shown.find(one => one.block === tail.block) : undefined
    if (shown?.code) return shown.code.tail(text)
    if (text === this.#tailText && this.#tail.length > 0) return
    this.#dropTail()
    this.#tailText = text
    if (!tail || tail.kind === 'code' || isMark(text)) return
    this.#tail = this.#outlined(nodes(tail.kind, tail.kind === 'table' ? text : mended(text), tail.block, stream.definitions), false)
    if (shown) placeIn(shown.into, tail.kind).append(...this.#tail)
    else this.#root.append(...this.#tail)
  }

  /** Headings at most one level below the one before. */
  #outlined(found: ChildNode[], isFrozen: boolean): ChildNode[] {
    let level = this.#level
    const outlined = found.map(node => {
      const wanted = /^H([3-6])$/.exec(node.nodeName)?.[1]
      if (wanted === undefined) return node
      level = Math.min(Number(wanted), level + 1)
      const heading = document.createElement(`h${level}`)
      heading.append(...node.childNodes)
      return heading
    })
    if (isFrozen) this.#level = level
    return outlined
  }

  #dropTail(): void {
    for (const node of this.#tail) node.remove()
    this.#tail = []
    this.#tailText = ''
  }
}

/** The letters that begin a heading, a list or a fence say nothing yet. */
const isMark = (text: string): boolean => /^\s*(?:[#>*+\-`~_]{1,6}|\d{1,3}[.)]?)?\s*$/.test(text)

function nodes(kind: BlockKind, piece: string, block: Block | null, definitions: string): ChildNode[] {
  if (kind === 'paragraph') {
    const span = document.createElement('span')
    span.append(textFragment(inlineHtml(piece.replace(/\n$/, ''), definitions)))
    return [span]
  }
  if (kind === 'table') {
    const table = textFragment(html((block?.pieces[0] ?? '') + piece, definitions))
    return [...table.querySelectorAll('tbody > tr')]
  }
  return [...finished(textFragment(html(piece, definitions))).childNodes]
}

/** Where the pieces of a block go: rows into the table that is there. */
function placeIn(into: HTMLElement, kind: BlockKind): HTMLElement {
  if (kind !== 'table') return into
  return into.querySelector('tbody') ?? into.querySelector('table')?.appendChild(document.createElement('tbody')) ?? into
}

/** Give code its button, and put tables into boxes that scroll by themselves, with the keyboard too. */
function finished(fragment: DocumentFragment): DocumentFragment {
  CodeView.replaceIn(fragment)
  for (const table of fragment.querySelectorAll('table')) {
    const box = document.createElement('div')
    box.className = 'text-table'
    box.tabIndex = 0
    box.setAttribute('role', 'region')
    box.setAttribute('aria-label', 'Table')
    table.replaceWith(box)
    box.append(table)
  }
  return fragment
}
