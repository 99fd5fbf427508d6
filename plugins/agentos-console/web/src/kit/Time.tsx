import { signal } from '@preact/signals'
import type { VNode } from 'preact'
import { ago, fullTime } from './format'

const now = signal(Date.now())
setInterval(() => {
  if (!document.hidden) now.value = Date.now()
}, 10_000)
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) now.value = Date.now()
})

/** A time, as how long ago it was; the exact one is its title. It stays current by itself. */
export function Time({ at }: { at: string | null | undefined }): VNode {
  if (at == null) return <span class="faint">–</span>
  // `max`: something of this second shall not be "in 3 s".
  return <time dateTime={at} title={fullTime(at)}>{ago(at, Math.max(now.value, Math.min(Date.now(), now.value + 10_000)))}</time>
}
