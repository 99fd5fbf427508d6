import { useEffect, useState } from 'preact/hooks'
import { countdown, type Countdown } from './countdown'

/** How long something can be answered, kept current. Undefined: without limit. */
export function useCountdown(expiresAt: string | undefined): Countdown | undefined {
  const [now, setNow] = useState(() => Date.now())
  const state = expiresAt === undefined ? undefined : countdown(expiresAt, now)
  const next = state?.next ?? Infinity
  useEffect(() => {
    if (next === Infinity) return
    const timer = setTimeout(() => setNow(Date.now()), next)
    const onShow = (): void => setNow(Date.now())
    document.addEventListener('visibilitychange', onShow)
    return () => {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onShow)
    }
  }, [now, next, expiresAt])
  return state
}
