// Splits a Markdown text that grows into blocks. A block, or a piece of a long one, is frozen as soon as what comes
// later cannot change it: only the tail is read again. How the text was cut when it arrived makes no difference, and no
// piece is longer than LIMIT, so that a hostile text costs no more than any other.
import { CODE_LINES, DEEP, DEFINITIONS, LIMIT, LIST, PARAGRAPH, PART, ROWS, TABLE_ROWS, type Block, type BlockKind } from './block'
import { cutAt } from './cut'
import * as lines from './lines'

interface Open {
  block: Block
  form: 'paragraph' | 'list' | 'quote' | 'indented' | 'table' | 'code'
  fence?: lines.Fence
  sign?: string
  /** The number of the next item of a numbered list. */
  next: number
  /** A blank line came last. */
  blank: boolean
  /** Lines, or rows, in the tail; rows in all. */
  count: number
  rows: number
}

export class BlockStream {
  readonly blocks: Block[] = []
  /** Link definitions, which hold in the whole text. */
  definitions = ''
  finished = false
  #open: Open | null = null
  #rest = ''
  /** The beginning of this line was taken already. */
  #within = false

  append(text: string): void {
    if (!text.includes('\n')) {
      this.#rest = this.#parts(this.#rest + text)
      return
    }
    const given = this.#rest + text
    let start = 0
    for (let end = given.indexOf('\n'); end >= 0; end = given.indexOf('\n', start)) {
      this.#line(this.#parts(given.slice(start, end)).replace(/\r$/, ''))
      start = end + 1
    }
    this.#rest = this.#parts(given.slice(start))
  }

  /** Freeze everything: no more text comes. */
  finish(): void {
    if (this.finished) return
    if (this.#rest || this.#within) this.#line(this.#rest.replace(/\r$/, ''))
    this.#rest = ''
    this.#close()
    this.finished = true
  }

  /** What stands at the end and may change with the next letter; null when there is nothing. */
  tail(): { block: Block | null; kind: BlockKind; text: string; language: string } | null {
    const open = this.#open
    if (!open) {
      const fence = lines.fenceOf(this.#rest)
      if (fence) return { block: null, kind: 'code', text: '', language: fence.language }
      return this.#rest ? { block: null, kind: 'flow', text: this.#rest, language: '' } : null
    }
    const { block } = open
    const rest = open.fence && lines.mayCloseFence(this.#rest, open.fence) ? '' : this.#rest
    const kind = open.form === 'paragraph' && block.pieces.length === 0 ? 'flow' : block.kind
    return { block, kind, text: block.tail + rest, language: block.language }
  }

  /** Take the beginning of a line that is very long, in parts of one size; return what is left of it. */
  #parts(line: string): string {
    let start = 0
    while (line.length - start >= 2 * PART) {
      const end = start + PART
      this.#line(line.slice(start, end), true)
      start = end
    }
    return start ? line.slice(start) : line
  }

  #line(line: string, isPart = false): void {
    const open = this.#open
    const within = this.#within
    this.#within = isPart
    if (within) this.#add(open ?? this.#start('paragraph', 'paragraph'), line, isPart, true)
    else if (open?.fence && !isPart && lines.closesFence(line, open.fence)) this.#close()
    else if (open && (open.fence || this.#continues(open, line))) this.#add(open, line, isPart)
    else {
      if (open && this.#makesTable(open, line)) return
      this.#close()
      this.#begin(line, isPart)
    }
  }

  /** Whether a line belongs to what is open. */
  #continues(open: Open, line: string): boolean {
    const blank = lines.isBlank(line)
    const begins = lines.isHeading(line) || lines.isQuote(line) || lines.fenceOf(line) !== null
    switch (open.form) {
      case 'list': {
        if (blank || lines.indentOf(line) >= 2) return true
        const marker = lines.markerOf(line)
        if (marker) return marker.sign === open.sign
        return !open.blank && !begins && !lines.isRule(line)
      }
      case 'indented':
        return blank || lines.indentOf(line) >= 4
      case 'quote':
        if (blank) return false
        return lines.isQuote(line) || !(begins || lines.isRule(line) || lines.interruptsParagraph(line))
      case 'table':
        return !(blank || begins || lines.isRule(line) || lines.interruptsParagraph(line))
      default: {
        if (blank || begins || lines.interruptsParagraph(line)) return false
        if (lines.isUnderline(line) && open.block.pieces.length === 0) return true
        return !lines.isRule(line) && !lines.beginsTable(lastLine(open.block.tail), line)
      }
    }
  }

  #add(open: Open, line: string, isPart: boolean, within = false): void {
    if (open.form === 'table' && open.rows >= TABLE_ROWS) open = this.#nextTable(open)
    const { block } = open
    if (open.form === 'paragraph' && !within && lines.isUnderline(line) && block.pieces.length === 0) {
      block.tail += line
      block.kind = 'flow'
      return this.#close()
    }
    if (open.form === 'list' && !within) line = this.#item(open, line.replace(DEEP, '$1'))
    block.tail += isPart ? line : line + '\n'
    open.blank = lines.isBlank(line)
    open.count += 1
    open.rows += 1
    if (open.form === 'paragraph') {
      while (block.tail.length > PARAGRAPH * 2) this.#freeze(open, cutAt(block.tail, PARAGRAPH))
    } else if (open.form === 'code' && (open.count >= CODE_LINES || block.tail.length > LIMIT)) this.#freeze(open)
    else if (open.form === 'table' && (open.count >= ROWS || block.tail.length > LIST)) this.#freeze(open)
    else if (block.tail.length > LIMIT) {
      // A single item or quote of this size is cut, though what follows may then look different.
      this.#close()
    }
  }

  /** Begin another table with the same head: a browser computes the widths of a long one at every row. */
  #nextTable(open: Open): Open {
    const head = open.block.pieces[0] ?? ''
    this.#close()
    const next = this.#start('table', 'table')
    next.block.pieces.push(head)
    return next
  }

  /** Freeze the items before a new one, and count: a list that continues in another piece keeps its numbers. */
  #item(open: Open, line: string): string {
    const marker = lines.markerOf(line)
    if (!marker || marker.indent >= 2) return line
    if (open.block.tail.length > LIST) {
      this.#freeze(open)
      if (marker.number !== undefined) line = line.replace(/\d+/, String(open.next))
    }
    open.next += 1
    return line
  }

  #makesTable(open: Open, line: string): boolean {
    const head = lastLine(open.block.tail)
    if (open.form !== 'paragraph' || !lines.beginsTable(head, line)) return false
    open.block.tail = open.block.tail.slice(0, -(head.length + 1))
    if (open.block.tail === '' && open.block.pieces.length === 0) this.blocks.pop()
    this.#close()
    this.#start('table', 'table').block.pieces.push(`${head}\n${line}\n`)
    return true
  }

  #begin(line: string, isPart: boolean): void {
    if (lines.isBlank(line)) return
    const fence = lines.fenceOf(line)
    if (fence && !isPart) {
      this.#start('code', 'code', { fence }).block.language = fence.language
      return
    }
    if (lines.isDefinition(line) && this.definitions.length < DEFINITIONS) this.definitions += line + '\n'
    const marker = lines.markerOf(line)
    if (lines.isHeading(line) || lines.isRule(line)) {
      this.#add(this.#start('flow', 'quote'), line, false)
      this.#close()
    } else if (lines.indentOf(line) >= 4) this.#add(this.#start('flow', 'indented'), line, isPart)
    else if (marker) this.#add(this.#start('flow', 'list', { sign: marker.sign, next: marker.number ?? 1 }), line, isPart)
    else if (lines.isQuote(line)) this.#add(this.#start('flow', 'quote'), line, isPart)
    else this.#add(this.#start('paragraph', 'paragraph'), line, isPart)
  }

  #start(kind: BlockKind, form: Open['form'], more: Partial<Open> = {}): Open {
    const block: Block = { kind, pieces: [], tail: '', closed: false, language: '' }
    this.blocks.push(block)
    return (this.#open = { block, form, next: 1, blank: false, count: 0, rows: 0, ...more })
  }

  #freeze(open: Open, at = open.block.tail.length): void {
    open.block.pieces.push(open.block.tail.slice(0, at))
    open.block.tail = open.block.tail.slice(at)
    open.count = 0
  }

  #close(): void {
    const open = this.#open
    if (!open) return
    if (open.block.tail) this.#freeze(open)
    open.block.closed = true
    this.#open = null
  }
}

const lastLine = (text: string): string => text.slice(text.lastIndexOf('\n', text.length - 2) + 1, -1)

/** All blocks of a text that is complete. */
export function blocksOf(text: string): BlockStream {
  const stream = new BlockStream()
  stream.append(text)
  stream.finish()
  return stream
}
