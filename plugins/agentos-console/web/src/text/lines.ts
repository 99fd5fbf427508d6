// What a line of Markdown can begin, as far as splitting a text into blocks needs to know.

/** A code fence: up to three spaces, three or more backticks or tildes, and what language follows. */
export interface Fence {
  mark: string
  length: number
  language: string
}

/** Where a list item begins. */
export interface Marker {
  indent: number
  /** `-`, `*` or `+`; `.` or `)` of a numbered list. Another one begins another list. */
  sign: string
  number?: number
}

/** What takes a whole line is known of no longer one: the beginning of a line has to be enough. */
const LONGEST = 900

export const isBlank = (line: string): boolean => line.length <= LONGEST && line.trim() === ''

export function indentOf(line: string): number {
  let width = 0
  for (const letter of line) {
    if (letter === ' ') width += 1
    else if (letter === '\t') width += 4 - (width % 4)
    else break
  }
  return width
}

export function fenceOf(line: string): Fence | null {
  const found = /^ {0,3}(`{3,}|~{3,})[ \t]*(.*)$/.exec(line)
  if (!found || line.length > LONGEST) return null
  const [, marks = '', info = ''] = found
  if (marks.startsWith('`') && info.includes('`')) return null
  return { mark: marks.charAt(0), length: marks.length, language: info.trim().split(/\s+/)[0] ?? '' }
}

export function closesFence(line: string, fence: Fence): boolean {
  const found = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)
  return found?.[1] !== undefined && found[1].startsWith(fence.mark) && found[1].length >= fence.length
}

/** The line may yet become a fence's end, when the rest of it arrives. */
export const mayCloseFence = (line: string, fence: Fence): boolean => {
  const rest = line.trimStart()
  return line.length - rest.length <= 3 && [...rest].every(letter => letter === fence.mark)
}

export const isHeading = (line: string): boolean => /^ {0,3}#{1,6}(?:[ \t]|$)/.test(line)

export const isRule = (line: string): boolean =>
  line.length <= LONGEST && /^ {0,3}(?:(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|(?:\*[ \t]*){3,})$/.test(line)

/** The line that makes a heading of the paragraph before it. */
export const isUnderline = (line: string): boolean => line.length <= LONGEST && /^ {0,3}(?:=+|-+)[ \t]*$/.test(line)

export const isQuote = (line: string): boolean => /^ {0,3}>/.test(line)

export function markerOf(line: string): Marker | null {
  const found = /^([ \t]*)(?:([-+*])|(\d{1,9})([.)]))(?:[ \t]|$)/.exec(line)
  if (!found || isRule(line)) return null
  const indent = indentOf(found[1] ?? '')
  if (found[2] !== undefined) return { indent, sign: found[2] }
  return { indent, sign: found[4] ?? '.', number: Number(found[3]) }
}

/** A list item that may stand in a paragraph's next line; others are text of the paragraph. */
export function interruptsParagraph(line: string): boolean {
  const marker = markerOf(line)
  if (!marker || marker.indent > 3) return false
  return /^\s*\S+[ \t]+\S/.test(line) && (marker.number === undefined || marker.number === 1)
}

/** The label of a link definition, `[label]: address`. */
export const isDefinition = (line: string): boolean => line.length <= LONGEST && /^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*\S+/.test(line)

const CELL = /(?<!\\)\|/
const cells = (line: string): number => line.trim().replace(/^\|/, '').replace(/(?<!\\)\|$/, '').split(CELL).length

/** Two lines begin a table: its heads, and as many dashes with pipes between them. */
export function beginsTable(head: string, line: string): boolean {
  if (line.length > LONGEST || head.length > LONGEST || !head.includes('|') || !/^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/.test(line)) return false
  return line.includes('|') && cells(head) === cells(line)
}
