import type { ComponentChildren, VNode } from 'preact'
import { useId, useRef } from 'preact/hooks'

export interface Tab {
  id: string
  label: ComponentChildren
}

interface TabsProps {
  label: string
  tabs: readonly Tab[]
  chosen: string
  onChoose: (id: string) => void
  /** What the chosen tab shows. */
  children: ComponentChildren
}

/** Tabs; the arrow keys go from one to the next. */
export function Tabs({ label, tabs, chosen, onChoose, children }: TabsProps): VNode {
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const move = (event: KeyboardEvent): void => {
    const index = tabs.findIndex(tab => tab.id === chosen)
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    const next = step === undefined ? { Home: 0, End: tabs.length - 1 }[event.key] : (index + step + tabs.length) % tabs.length
    const tab = next === undefined ? undefined : tabs[next]
    if (tab === undefined) return
    event.preventDefault()
    onChoose(tab.id)
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next!]?.focus()
  }
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map(tab => (
          <button key={tab.id} type="button" role="tab" class="tab" id={`${id}-${tab.id}`} aria-selected={tab.id === chosen} aria-controls={`${id}-panel`} tabIndex={tab.id === chosen ? 0 : -1} onClick={() => onChoose(tab.id)}>
            {tab.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${chosen}`}>{children}</div>
    </>
  )
}
