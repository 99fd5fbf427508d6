// A conversation stays at its end while it grows, unless one has scrolled up; and stays in place when older messages
// come above it.
import { useSignal, type Signal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'

/** Pixels from the end that still count as the end. */
const NEAR = 48

export interface Scrolling {
  box: RefObject<HTMLDivElement | null>
  content: RefObject<HTMLDivElement | null>
  /** Whether the end is in view. */
  atEnd: Signal<boolean>
  toEnd: () => void
}

/** `first` is the key of the first turn: when it changes, something came above. `onTop` is called near the top. */
export function useScroll(place: string, first: string | undefined, onTop: () => void): Scrolling {
  const box = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const atEnd = useSignal(true)
  const latest = useRef(onTop)
  latest.current = onTop
  /** The distance from the end, kept while older messages arrive and are drawn. */
  const held = useRef<{ distance: number; until: number } | null>(null)
  const known = useRef<{ place: string; first: string | undefined }>({ place, first })

  const toEnd = (): void => {
    held.current = null
    atEnd.value = true
    box.current?.scrollTo({ top: box.current.scrollHeight })
  }

  useEffect(() => {
    const element = box.current
    const inner = content.current
    if (!element || !inner) return
    const onScroll = (): void => {
      const distance = element.scrollHeight - element.scrollTop - element.clientHeight
      atEnd.value = distance < NEAR
      if (element.scrollTop < 300) latest.current()
    }
    // What a person does ends what was held.
    const letGo = (): void => void (held.current = null)
    const observer = new ResizeObserver(() => {
      if (held.current && performance.now() < held.current.until) element.scrollTop = element.scrollHeight - held.current.distance
      else if (atEnd.value) element.scrollTop = element.scrollHeight
    })
    observer.observe(inner)
    observer.observe(element)
    element.addEventListener('scroll', onScroll, { passive: true })
    for (const name of ['wheel', 'touchmove', 'keydown', 'pointerdown']) element.addEventListener(name, letGo, { passive: true })
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', onScroll)
      for (const name of ['wheel', 'touchmove', 'keydown', 'pointerdown']) element.removeEventListener(name, letGo)
    }
  }, [])

  // Before the new turns are drawn, the height is the old one.
  const element = box.current
  const before = element ? element.scrollHeight - element.scrollTop : 0
  useLayoutEffect(() => {
    const was = known.current
    known.current = { place, first }
    if (was.place !== place) toEnd()
    else if (was.first !== first && was.first !== undefined && element && !atEnd.value) {
      held.current = { distance: before, until: performance.now() + 1500 }
      element.scrollTop = element.scrollHeight - before
    }
  }, [place, first])

  return { box, content, atEnd, toEnd }
}
