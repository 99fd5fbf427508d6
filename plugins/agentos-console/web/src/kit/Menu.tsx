import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Button } from './Button'
import { Icon, type IconName } from './Icon'

export interface MenuItem {
  label: string
  icon?: IconName
  danger?: boolean
  /** Why it cannot be used now. */
  reason?: string | undefined
  onChoose: () => unknown
}

interface MenuProps {
  label: string
  items: readonly MenuItem[]
  icon?: IconName
  small?: boolean
  children?: ComponentChildren
}

/** A button that opens a menu. Arrow keys, Home, End and Escape work; it closes when the focus leaves. */
export function Menu({ label, items, icon = 'more', small, children }: MenuProps): VNode {
  const [open, setOpen] = useState(false)
  const box = useRef<HTMLSpanElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const id = useId()

  useEffect(() => {
    const menu = list.current
    const button = box.current?.querySelector('button')
    if (!open || !menu || !button) return
    menu.showPopover()
    place(menu, button)
    menu.querySelector<HTMLElement>('[role=menuitem]')?.focus()
  }, [open])

  const close = (): void => {
    setOpen(false)
    box.current?.querySelector('button')?.focus()
  }
  const onKey = (event: KeyboardEvent): void => {
    const all = [...(list.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])]
    const index = all.indexOf(document.activeElement as HTMLElement)
    const next = { ArrowDown: index + 1, ArrowUp: index - 1 + all.length, Home: 0, End: all.length - 1 }[event.key]
    if (next !== undefined) {
      event.preventDefault()
      all[next % all.length]?.focus()
    } else if (event.key === 'Escape') {
      event.preventDefault()
      event.stopPropagation()
      close()
    }
  }
  return (
    <span ref={box} onFocusOut={event => !box.current?.contains(event.relatedTarget as Node | null) && setOpen(false)}>
      <Button kind="quiet" small={small ?? false} icon={icon} label={label} aria-haspopup="menu" aria-expanded={open} aria-controls={open ? id : undefined} onClick={() => setOpen(!open)}>
        {children}
      </Button>
      {open && (
        <div class="menu" popover="manual" role="menu" id={id} aria-label={label} ref={list} onKeyDown={onKey}>
          {items.map(item => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              tabIndex={-1}
              class={item.danger ? 'menu-item is-danger' : 'menu-item'}
              aria-disabled={item.reason !== undefined || undefined}
              title={item.reason}
              onClick={() => {
                if (item.reason !== undefined) return
                close()
                item.onChoose()
              }}
            >
              {item.icon && <Icon name={item.icon} />}
              {item.label}
            </button>
          ))}
        </div>
      )}
    </span>
  )
}

/** Puts a menu below its button, or above it where there is more room, and inside the window. */
function place(menu: HTMLElement, button: HTMLElement): void {
  const at = button.getBoundingClientRect()
  const size = menu.getBoundingClientRect()
  const left = Math.min(Math.max(8, at.right - size.width), innerWidth - size.width - 8)
  const below = at.bottom + 4
  const top = below + size.height > innerHeight - 8 && at.top > innerHeight / 2 ? at.top - size.height - 4 : below
  menu.style.left = `${left}px`
  menu.style.top = `${Math.max(8, top)}px`
}
