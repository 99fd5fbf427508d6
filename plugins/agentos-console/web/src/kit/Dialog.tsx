import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Button } from './Button'

interface DialogProps {
  title: string
  onClose: () => void
  children: ComponentChildren
  actions?: ComponentChildren
  wide?: boolean
  class?: string
  /** The title is read, not shown, and there is no button to close: as the command palette. */
  bare?: boolean
}

/** A modal dialog. Escape and a click beside it close it; the focus returns to where it was. */
export function Dialog({ title, onClose, children, actions, wide, class: more, bare }: DialogProps): VNode {
  const element = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement
    element.current?.showModal()
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={element}
      class={['dialog', wide && 'dialog-wide', more].filter(Boolean).join(' ')}
      aria-labelledby={id}
      onCancel={event => {
        event.preventDefault()
        onClose()
      }}
      onMouseDown={event => {
        if (event.target === element.current) onClose()
      }}
    >
      <div class={bare ? 'sr-only' : 'dialog-head'}>
        <h2 id={id}>{title}</h2>
        {!bare && <Button kind="quiet" small icon="close" label="Close" onClick={onClose} />}
      </div>
      <div class="dialog-body">{children}</div>
      {actions && <div class="dialog-actions">{actions}</div>}
    </dialog>
  )
}
