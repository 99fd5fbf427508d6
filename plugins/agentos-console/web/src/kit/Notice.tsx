import type { ComponentChildren, VNode } from 'preact'
import { Button } from './Button'
import { connection } from '../app/connection'
import { describeError, isUnreachable } from './errors'
import { Icon, type IconName } from './Icon'

interface NoticeProps {
  kind?: 'info' | 'ok' | 'warn' | 'bad'
  title?: string
  children?: ComponentChildren
  actions?: ComponentChildren
}

/** Something to know, in its place on the page. `bad` is an alert. */
export function Notice({ kind = 'info', title, children, actions }: NoticeProps): VNode {
  return (
    <div class={`notice notice-${kind}`} role={kind === 'bad' ? 'alert' : undefined}>
      <Icon name={kind} />
      <div class="notice-body">
        {title && <div class="notice-title">{title}</div>}
        {children}
        {actions && <div class="notice-actions">{actions}</div>}
      </div>
    </div>
  )
}

interface ErrorNoticeProps {
  error: unknown
  /** What was tried: "The runs could not be loaded". */
  what?: string
  retry?: (() => unknown) | undefined
  children?: ComponentChildren
}

/** An error: what happened, its code and request id, and "Try again". */
export function ErrorNotice({ error, what, retry, children }: ErrorNoticeProps): VNode {
  // The banner of the shell says it already, once for all.
  if (connection.value === 'offline' && isUnreachable(error)) return <p class="faint">Waiting for the server…</p>
  const { title, facts } = describeError(error)
  return (
    <Notice kind="bad" title={what ?? title} actions={retry && <Button small icon="retry" onClick={retry}>Try again</Button>}>
      {what && <div>{title}</div>}
      {children}
      {facts.length > 0 && <div class="notice-facts mono">{facts.map(fact => <span key={fact}>{fact}</span>)}</div>}
    </Notice>
  )
}

interface EmptyProps {
  icon: IconName
  title: string
  children?: ComponentChildren
  actions?: ComponentChildren
}

/** Nothing here yet, and what to do next. */
export function Empty({ icon, title, children, actions }: EmptyProps): VNode {
  return (
    <div class="empty">
      <Icon name={icon} size={28} />
      <div class="empty-title">{title}</div>
      {children && <div class="empty-text">{children}</div>}
      {actions && <div class="empty-actions">{actions}</div>}
    </div>
  )
}

/** Something is being loaded. It appears late, so that what is quick does not flash. */
export function Loading({ what = 'Loading' }: { what?: string }): VNode {
  return (
    <div class="skeleton loading" role="status">
      <span class="spinner" aria-hidden="true" />
      <span class="sr-only">{what}…</span>
    </div>
  )
}
