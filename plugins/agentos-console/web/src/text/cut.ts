// Where a long paragraph can be cut, and which marks are open at the end of one.

interface Scan {
  /** After this many characters, nothing is open: no emphasis, code or link. */
  safe: number
  /** The last space, open marks or not. */
  space: number
  /** The marks that are open at the end, the last one first. */
  open: string[]
  /** Where an unfinished link or picture begins; -1 without one. */
  link: number
}

const isWord = (letter: string | undefined): boolean => letter !== undefined && /[\p{L}\p{N}]/u.test(letter)
const isSpace = (letter: string | undefined): boolean => letter === undefined || /\s/.test(letter)

function scan(text: string, limit: number): Scan {
  const found: Scan = { safe: 0, space: 0, open: [], link: -1 }
  const open = found.open
  let code = ''
  let brackets = 0
  let address = false
  for (let at = 0; at < limit; at += 1) {
    const letter = text[at]
    if (letter === '\\' && !code) {
      at += 1
    } else if (letter === '`') {
      const run = runAt(text, at, limit)
      if (!code) code = run
      else if (code === run) code = ''
      at += run.length - 1
    } else if (code) {
      // Nothing counts in code but its end.
    } else if (letter === '*' || letter === '_' || letter === '~') {
      const run = runAt(text, at, limit)
      const [before, after] = [text[at - 1], text[at + run.length]]
      const closes = open.indexOf(run) >= 0 && !isSpace(before)
      if (closes) open.splice(0, open.indexOf(run) + 1)
      else if (!isSpace(after) && (letter !== '_' || !isWord(before)) && (letter !== '~' || run.length === 2)) open.unshift(run)
      at += run.length - 1
    } else if (letter === '[') {
      if (brackets === 0) found.link = text[at - 1] === '!' ? at - 1 : at
      brackets += 1
    } else if (letter === ']' && brackets > 0) {
      brackets -= 1
      address = brackets === 0 && text[at + 1] === '('
      if (brackets === 0 && !address && at + 1 < limit) found.link = -1
    } else if (letter === ')' && address) {
      address = false
      found.link = -1
    } else if (letter === ' ' || letter === '\n') {
      // Before a new line: after it, it would be no break.
      found.space = letter === ' ' ? at + 1 : at
      if (open.length === 0 && brackets === 0 && !address) found.safe = found.space
    }
  }
  if (code) found.open = [code, ...open]
  return found
}

function runAt(text: string, at: number, limit: number): string {
  let end = at
  while (end < limit && text[end] === text[at]) end += 1
  return text.slice(at, end)
}

/** Return where to cut a text, at most after `size` characters: best between words where no mark is open. */
export function cutAt(text: string, size: number): number {
  const { safe, space } = scan(text, Math.min(size, text.length))
  if (safe > size / 4) return safe
  if (space > size / 2) return space
  // Not inside a character of two units.
  const last = text.charCodeAt(size - 1)
  return last >= 0xd800 && last < 0xdc00 ? size - 1 : size
}

/** Return the text with its open marks closed, and without a link that has only begun: as it will look, while it grows. */
export function mended(text: string): string {
  const { open, link } = scan(text, text.length)
  const inCode = open[0]?.startsWith('`') ?? false
  if (link >= 0 && text.length - link < 500 && !inCode) return mended(text.slice(0, link))
  if (open.length === 0) return text
  const end = text.trimEnd()
  // Marks with nothing between them would be shown.
  const first = open[0] ?? ''
  if (end.endsWith(first)) return mended(end.slice(0, -first.length))
  return end + open.join('')
}
