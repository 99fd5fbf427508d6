import type { VNode } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { Banner } from './Banner'
import { Help } from './Help'
import { Nav } from './Nav'
import { Palette } from './Palette'
import { narrow, nextTheme } from './preferences'
import { go, onMove, pattern, route } from './router'
import { title } from './session'
import { addShortcuts } from './shortcuts'
import { homeOf, isOpen, VIEWS, viewOf } from './views'
import { ViewHost } from './ViewHost'

/** Everything around a view: navigation, palette, shortcuts, and the notice that the server is gone. */
export function Shell(): VNode {
  const [overlay, setOverlay] = useState<'palette' | 'help' | null>(null)
  const [drawer, setDrawer] = useState(false)
  const main = useRef<HTMLElement>(null)
  const view = viewOf(pattern.value)

  // With the page itself and not after it is painted: a key that is pressed at once shall count.
  useLayoutEffect(
    () =>
      addShortcuts([
        { keys: 'mod+k', label: 'Go to anything', run: () => setOverlay('palette') },
        { keys: '?', label: 'Show all shortcuts', run: () => setOverlay('help') },
        { keys: 'n', label: 'New chat', run: () => go('/chat') },
        { keys: '/', label: 'Search on this page', run: () => document.querySelector<HTMLElement>('[data-search]')?.focus() },
        { keys: '[', label: 'Fold the navigation', run: () => (narrow.value = !narrow.value) },
        { keys: 'd', label: 'Change the theme', run: nextTheme },
        ...VIEWS.flatMap(one => (one.letter === undefined ? [] : [{ keys: `g ${one.letter}`, label: one.title, run: () => go(homeOf(one)) }])),
      ]),
    [],
  )
  // Without an address, the first view that this key may see.
  useEffect(() => {
    const first = VIEWS.find(isOpen)
    if (location.hash === '' && first !== undefined) go(homeOf(first), { replace: true })
  }, [])
  // After a move, the keyboard begins at the new view, and a screen reader says its name.
  useEffect(
    () =>
      onMove(() => {
        setDrawer(false)
        if (document.activeElement === document.body || document.activeElement?.closest('.nav')) main.current?.focus({ preventScroll: true })
      }),
    [],
  )
  useEffect(() => {
    document.title = view === undefined ? title : `${view.title} · ${title}`
  }, [view?.title, route.value.path])

  return (
    <div class={['shell', narrow.value && 'is-narrow', drawer && 'has-drawer'].filter(Boolean).join(' ')}>
      <a class="skip" href="#main" onClick={event => { event.preventDefault(); main.current?.focus() }}>Skip to the content</a>
      <header class="topbar">
        <Button kind="quiet" icon="menu" label="Open the navigation" aria-expanded={drawer} onClick={() => setDrawer(!drawer)} />
        <span class="topbar-title clip">{title}</span>
        <Button kind="quiet" icon="search" label="Go to anything" onClick={() => setOverlay('palette')} />
      </header>
      {drawer && <div class="drawer-shade" onClick={() => setDrawer(false)} />}
      <Nav current={view} drawer={drawer} onCloseDrawer={() => setDrawer(false)} onPalette={() => setOverlay('palette')} onHelp={() => setOverlay('help')} />
      <main class="main" id="main" ref={main} tabIndex={-1} aria-label={view?.title ?? 'Not found'} inert={drawer}>
        <Banner />
        <div class="main-view"><ViewHost view={view} /></div>
      </main>
      {overlay === 'palette' && <Palette onClose={() => setOverlay(null)} onHelp={() => setOverlay('help')} />}
      {overlay === 'help' && <Help onClose={() => setOverlay(null)} />}
    </div>
  )
}
