// The difference of two texts, line by line.

export interface Line {
  op: 'same' | 'add' | 'remove'
  text: string
}
export interface Gap {
  op: 'gap'
  lines: number
}

const MOST_CELLS = 4_000_000
const AROUND = 3

/** What leads from one text to another, by a longest common subsequence of their lines. */
export function diffLines(before: string, after: string): Line[] {
  const old = before.split('\n')
  const now = after.split('\n')
  let head = 0
  while (head < old.length && head < now.length && old[head] === now[head]) head++
  let tail = 0
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++
  const same = (lines: string[]): Line[] => lines.map(text => ({ op: 'same', text }))
  return [
    ...same(old.slice(0, head)),
    ...middle(old.slice(head, old.length - tail), now.slice(head, now.length - tail)),
    ...same(tail === 0 ? [] : old.slice(-tail)),
  ]
}

function middle(old: string[], now: string[]): Line[] {
  // Very long texts that differ everywhere: all of one, then all of the other. The table below would be too large.
  if (old.length * now.length > MOST_CELLS) {
    return [...old.map((text): Line => ({ op: 'remove', text })), ...now.map((text): Line => ({ op: 'add', text }))]
  }
  const width = now.length + 1
  const common = new Uint32Array((old.length + 1) * width)
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      common[i * width + j] =
        old[i] === now[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!)
    }
  }
  const lines: Line[] = []
  let i = 0
  let j = 0
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ op: 'same', text: old[i]! })
      i++
      j++
    } else if (i < old.length && (j === now.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) {
      lines.push({ op: 'remove', text: old[i++]! })
    } else {
      lines.push({ op: 'add', text: now[j++]! })
    }
  }
  return lines
}

/** Leave out what is the same, but for three lines around each change. */
export function folded(lines: readonly Line[]): (Line | Gap)[] {
  const near = lines.map((_, at) =>
    lines.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(line => line.op !== 'same'),
  )
  const shown: (Line | Gap)[] = []
  let left = 0
  lines.forEach((line, at) => {
    if (near[at] === true) {
      if (left > 0) shown.push({ op: 'gap', lines: left })
      left = 0
      shown.push(line)
    } else left++
  })
  if (left > 0) shown.push({ op: 'gap', lines: left })
  return shown
}
