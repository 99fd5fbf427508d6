// How long something can still be answered, in words that need not change each second until it is close.

export interface Countdown {
  text: string
  /** `soon`: less than two minutes. `over`: it can no longer be answered. */
  state: 'far' | 'soon' | 'over'
  /** Milliseconds until the text changes. */
  next: number
}

const MINUTE = 60
const HOUR = 3600
const DAY = 86400

export function countdown(expiresAt: string, now: number): Countdown {
  const left = Math.ceil((Date.parse(expiresAt) - now) / 1000)
  if (!(left > 0)) return { text: 'expired', state: 'over', next: Infinity }
  const state = left <= 2 * MINUTE ? 'soon' : 'far'
  if (left < 10 * MINUTE) {
    const seconds = String(left % MINUTE).padStart(2, '0')
    return { text: `${Math.floor(left / MINUTE)}:${seconds} left`, state, next: 1000 }
  }
  if (left < 2 * HOUR) return { text: `${Math.floor(left / MINUTE)} min left`, state, next: untilStep(left, MINUTE) }
  if (left < 2 * DAY) return { text: `${Math.floor(left / HOUR)} h left`, state, next: untilStep(left, HOUR) }
  return { text: `${Math.floor(left / DAY)} days left`, state, next: untilStep(left, DAY) }
}

/** Timers of browsers overflow after 24 days, so that none is longer than an hour. */
function untilStep(left: number, unit: number): number {
  return Math.min((left % unit) + 1, HOUR) * 1000
}
