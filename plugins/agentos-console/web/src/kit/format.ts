// How numbers, times and foreign text are written.
const number = new Intl.NumberFormat('en')
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })

/** 12,345. */
export const count = (value: number): string => number.format(value)

/** 12.3K, where there is no room. */
export const short = (value: number): string => compact.format(value)

/** `1 run`, `2 runs`. */
export const plural = (value: number, one: string, many = one + 's'): string => `${count(value)} ${value === 1 ? one : many}`

/** A duration in seconds: `48 ms`, `3.2 s`, `2 min 5 s`, `3 h 20 min`, `4 d`. */
export function duration(seconds: number): string {
  if (seconds < 0.0005) return '0 ms'
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 59.5) return `${Math.round(seconds)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return parts(Math.floor(whole / 60), 'min', whole % 60, 's')
  if (whole < 86_400) return parts(Math.floor(whole / 3600), 'h', Math.round((whole % 3600) / 60), 'min')
  return parts(Math.floor(whole / 86_400), 'd', Math.round((whole % 86_400) / 3600), 'h')
}

const parts = (large: number, one: string, small: number, other: string): string => (small === 0 ? `${large} ${one}` : `${large} ${one} ${small} ${other}`)

/** `1.4 MB`; decimal, as files are sold. */
export function bytes(size: number): string {
  if (size < 1000) return `${size} B`
  for (const [factor, unit] of [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']] as const) {
    if (size >= factor) return `${(size / factor).toFixed(size >= 100 * factor ? 0 : 1)} ${unit}`
  }
  return `${size} B`
}

/** A time of the API as this computer writes it. */
export const fullTime = (at: string | number | Date): string => dateTime.format(new Date(at))

/** How long ago: `just now`, `4 min ago`, `in 3 h`, and a date beyond a week. */
export function ago(at: string | number | Date, now = Date.now()): string {
  const seconds = (now - new Date(at).getTime()) / 1000
  if (Number.isNaN(seconds)) return String(at)
  const distance = Math.abs(seconds)
  if (distance > 7 * 86_400) return day.format(new Date(at))
  if (distance < 10) return 'just now'
  const text = distance < 60 ? `${Math.round(distance)} s` : distance < 3600 ? `${Math.round(distance / 60)} min` : distance < 86_400 ? `${Math.round(distance / 3600)} h` : `${Math.round(distance / 86_400)} d`
  return seconds < 0 ? `in ${text}` : `${text} ago`
}

/** The beginning of an id, which tells it from its neighbours. */
export const shortId = (id: string): string => (id.length <= 14 ? visible(id) : visible(id.slice(0, 12)) + '…')

// Bidirectional controls, invisible and control characters: with them a text can look like another one. The joiners stay:
// names in Persian and many emoji need them.
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu

/** Foreign text with what cannot be seen made visible: `user⟨U+202E⟩gpj.exe`. */
export const visible = (text: string): string => text.replace(HIDDEN, found => `⟨U+${found.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}⟩`)
