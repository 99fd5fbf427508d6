import type { ComponentChildren, JSX, VNode } from 'preact'
import { Icon, type IconName } from './Icon'

export interface ButtonProps extends Omit<JSX.IntrinsicElements['button'], 'icon' | 'label' | 'onClick' | 'size'> {
  kind?: 'plain' | 'primary' | 'quiet'
  danger?: boolean
  small?: boolean
  icon?: IconName | undefined
  /** The name of a button that shows its icon alone. */
  label?: string | undefined
  /** Work is under way: it shows a spinner, and a click does nothing. */
  busy?: boolean | undefined
  /** Why it cannot be used now. It stays reachable by keyboard, so that the reason can be read. */
  reason?: string | undefined
  children?: ComponentChildren
  onClick?: ((event: MouseEvent) => unknown) | undefined
}

/** A button. One `primary` on a page at most. */
export function Button({ kind = 'plain', danger, small, icon, label, busy, reason, children, onClick, class: more, ...rest }: ButtonProps): VNode {
  const iconOnly = children === undefined
  const names = ['button', kind !== 'plain' && `button-${kind}`, danger && 'button-danger', small && 'button-small', iconOnly && 'button-icon', more]
  const off = busy === true || reason !== undefined
  return (
    <button
      type="button"
      {...rest}
      class={names.filter(Boolean).join(' ')}
      aria-disabled={off || undefined}
      aria-busy={busy || undefined}
      aria-label={iconOnly ? label : undefined}
      title={reason ?? (iconOnly ? label : rest.title)}
      onClick={event => {
        if (off) event.preventDefault()
        else onClick?.(event)
      }}
    >
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} size={small ? 14 : 16} />}
      {children}
    </button>
  )
}
