import type { ComponentChildren, VNode } from 'preact'
import { Link } from '../app/router'
import { Icon } from './Icon'

interface PageProps {
  title: ComponentChildren
  /** Where the arrow beside the title leads, for a page below another one. */
  back?: { to: string; label: string } | undefined
  actions?: ComponentChildren
  children: ComponentChildren
  narrow?: boolean
  /** The children bring their own scrolling and width. */
  bare?: boolean
}

/** The frame of a view: its title, its actions, and a body that scrolls. */
export function Page({ title, back, actions, children, narrow, bare }: PageProps): VNode {
  return (
    <div class="page">
      <header class="page-head">
        <div class="page-title">
          {back && <Link to={back.to} class="page-back" aria-label={back.label} title={back.label}><Icon name="back" /></Link>}
          <h1 class="clip">{title}</h1>
        </div>
        {actions && <div class="page-actions">{actions}</div>}
      </header>
      {bare ? children : (
        <div class="page-body">
          <div class={narrow ? 'page-inner page-inner-narrow' : 'page-inner'}>{children}</div>
        </div>
      )}
    </div>
  )
}
