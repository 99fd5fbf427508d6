import type { VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Button } from '../kit/Button'
import { Icon, type IconName } from '../kit/Icon'
import { badges } from './badges'
import { Identity } from './Identity'
import { narrow, nextTheme, theme, type Theme } from './preferences'
import { Link } from './router'
import { title } from './session'
import { caps } from './shortcuts'
import { GROUPS, homeOf, isOpen, VIEWS, type View } from './views'

interface NavProps {
  current: View | undefined
  drawer: boolean
  onCloseDrawer: () => void
  onPalette: () => void
  onHelp: () => void
}

const THEME_ICONS: Readonly<Record<Theme, IconName>> = { system: 'screen', light: 'sun', dark: 'moon' }
const THEME_NAMES: Readonly<Record<Theme, string>> = { system: 'as the system', light: 'light', dark: 'dark' }

/** The navigation: a column, icons alone where it is folded, a drawer on a phone. */
export function Nav({ current, drawer, onCloseDrawer, onPalette, onHelp }: NavProps): VNode {
  const nav = useRef<HTMLElement>(null)
  useEffect(() => {
    if (drawer) nav.current?.querySelector<HTMLElement>('a')?.focus()
  }, [drawer])
  return (
    <nav
      class="nav"
      ref={nav}
      aria-label="Console"
      onKeyDown={event => {
        if (event.key === 'Escape' && drawer) onCloseDrawer()
      }}
    >
      <div class="nav-head">
        <span class="nav-mark" aria-hidden="true" />
        <span class="nav-title clip">{title}</span>
        <Button class="nav-fold" kind="quiet" small icon="sidebar" label={narrow.value ? 'Unfold the navigation' : 'Fold the navigation'} onClick={() => (narrow.value = !narrow.value)} />
      </div>
      <button type="button" class="nav-find" onClick={onPalette} title={narrow.value ? 'Go to anything' : undefined}>
        <Icon name="search" />
        <span class="nav-text">Go to<span class="sr-only"> anything</span>…</span>
        <span class="nav-keys nav-text" aria-hidden="true">{caps('mod+k').map(cap => <kbd key={cap}>{cap}</kbd>)}</span>
      </button>
      <div class="nav-groups">
        {GROUPS.map(group => (
          <ul role="list" class="nav-group" key={group.id} aria-label={group.title}>
            {VIEWS.filter(view => view.group === group.id).map(view => <Item key={view.title} view={view} current={view === current} />)}
          </ul>
        ))}
      </div>
      <div class="nav-foot">
        <Identity />
        <div class="nav-tools">
          <Button kind="quiet" small icon={THEME_ICONS[theme.value]} label={`Theme: ${THEME_NAMES[theme.value]}`} onClick={nextTheme} />
          <Button kind="quiet" small icon="info" label="Keyboard shortcuts" onClick={onHelp} />
        </div>
      </div>
    </nav>
  )
}

function Item({ view, current }: { view: View; current: boolean }): VNode {
  const home = homeOf(view)
  const waiting = badges.value[home] ?? 0
  return (
    <li>
      <Link to={home} onPointerEnter={() => void view.load().catch(() => undefined)} class={isOpen(view) ? 'nav-item' : 'nav-item is-closed'} aria-current={current ? 'page' : undefined} title={narrow.value ? view.title : undefined}>
        <Icon name={view.icon} size={17} />
        <span class="nav-text grow">{view.title}</span>
        {waiting > 0 && <span class="count">{waiting > 99 ? '99+' : waiting}<span class="sr-only"> waiting</span></span>}
      </Link>
    </li>
  )
}
