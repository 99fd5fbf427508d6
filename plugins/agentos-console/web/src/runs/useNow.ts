import { useEffect, useState } from 'preact/hooks'

/** The time, kept current every so many milliseconds; without them it stands. */
export function useNow(every: number | undefined): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (every === undefined) return
    setNow(Date.now())
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now())
    }, every)
    return () => clearInterval(timer)
  }, [every])
  return now
}
