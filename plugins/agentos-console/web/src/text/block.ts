// A block of Markdown, and how large its pieces are.
export type BlockKind = 'flow' | 'paragraph' | 'table' | 'code'

export interface Block {
  kind: BlockKind
  /** Frozen source. Of a table, the first piece is its head, which the others need. Of code, without the fences. */
  readonly pieces: string[]
  /** What may still change; empty once the block is closed. */
  tail: string
  closed: boolean
  /** Of code: what the fence says. */
  language: string
}

/** Characters of a frozen piece, about: of a paragraph, of a list, of anything. */
export const PARAGRAPH = 2_000
export const LIST = 1_500
export const LIMIT = 16_000
/** Characters of a line that are taken at once. */
export const PART = 1_000
/** Characters of all link definitions. */
export const DEFINITIONS = 4_000
/** A line of a list that begins further to the right; to read so many spaces at every level takes time. */
export const DEEP = /^([ \t]{80})[ \t]+/
/** Rows of a table that are frozen together, and that are shown below one head. */
export const ROWS = 20
export const TABLE_ROWS = 300
/** Lines of code that are frozen together. */
export const CODE_LINES = 40
