// The time axis of a run. A pause may last days beside calls of seconds, so that long waits are squeezed: they get a
// fixed part of the axis, and their bars say that they do.

import type { Span } from './spans'

export interface Axis {
  /** Where a moment (seconds) is on the axis, from 0 to 1. */
  at: (seconds: number) => number
  ticks: { at: number; seconds: number }[]
  squeezed: ReadonlySet<string>
}

interface Piece {
  from: number
  to: number
  start: number
  width: number
}

const SQUEEZED_PART = 0.12
const STEPS = [1, 2, 5]

export function axisOf(spans: readonly Span[], length: number): Axis {
  const waits = waitsOf(spans, length)
  const squeezed = new Set(waits.map(wait => wait.key))
  const idle = waits.reduce((sum, wait) => sum + wait.end - wait.start, 0)
  const busy = Math.max(length - idle, 0)
  const part = waits.length === 0 ? 0 : Math.min(SQUEEZED_PART, 0.5 / waits.length)
  const rest = busy === 0 ? 0 : 1 - part * waits.length
  const pieces: Piece[] = []
  let from = 0
  let start = 0
  const add = (to: number, width: number) => {
    if (to > from) pieces.push({ from, to, start, width })
    start += to > from ? width : 0
    from = Math.max(from, to)
  }
  for (const wait of waits) {
    add(wait.start, busy === 0 ? 0 : ((wait.start - from) / busy) * rest)
    add(wait.end, part)
  }
  add(length, busy === 0 ? 0 : ((length - from) / busy) * rest)
  const at = (seconds: number) => placeOf(seconds, pieces)
  return { at, ticks: ticksOf(at, pieces, length, waits), squeezed }
}

/** Waits that would leave less than two thirds of the axis to the calls; overlapping ones count once. */
function waitsOf(spans: readonly Span[], length: number): Span[] {
  const waits: Span[] = []
  for (const span of spans.filter(one => one.kind === 'pause' || one.kind === 'queue')) {
    const last = waits.at(-1)
    if (span.end > span.start && (last === undefined || span.start >= last.end)) waits.push(span)
  }
  const busy = length - waits.reduce((sum, wait) => sum + wait.end - wait.start, 0)
  return waits.filter(wait => busy > 0 && wait.end - wait.start > Math.max(busy * 0.3, 1))
}

function placeOf(seconds: number, pieces: readonly Piece[]): number {
  for (const piece of pieces) {
    if (seconds <= piece.to) {
      const inside = Math.max(0, seconds - piece.from) / (piece.to - piece.from)
      return Math.min(1, Math.max(0, piece.start + inside * piece.width))
    }
  }
  return pieces.length === 0 ? 0 : 1
}

function ticksOf(
  at: (seconds: number) => number,
  pieces: readonly Piece[],
  length: number,
  waits: readonly Span[],
): Axis['ticks'] {
  if (length <= 0) return []
  const widest = pieces.reduce(
    (best, piece) => (piece.width / (piece.to - piece.from) > best ? piece.width / (piece.to - piece.from) : best),
    0,
  )
  const step = stepFor(1 / (widest * 5))
  const ticks: Axis['ticks'] = [{ at: 0, seconds: 0 }]
  for (const piece of pieces) {
    if (waits.some(wait => wait.start === piece.from && wait.end === piece.to)) continue
    for (let seconds = Math.ceil(piece.from / step) * step; seconds <= piece.to && ticks.length < 16; seconds += step) {
      const place = at(seconds)
      const last = ticks.at(-1)
      if (last === undefined || place - last.at >= 0.08)
        ticks.push({ at: place, seconds: Number(seconds.toPrecision(12)) })
    }
  }
  return ticks
}

/** The least of 1, 2, 5, 10 … (and 0.1, 0.2 …) that is not less than a number of seconds. */
function stepFor(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return (STEPS.find(one => one * power >= least) ?? 10) * power
}
