import type { ComponentChildren, VNode } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Link } from '../app/router'
import { Button } from './Button'

export interface Column<T> {
  title: string
  cell: (row: T) => ComponentChildren
  /** Numbers and times stand at the right. */
  number?: boolean
  /** Not shown on a phone. */
  wideOnly?: boolean
}

interface TableProps<T> {
  /** What the table lists, for screen readers. */
  label: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  rowKey: (row: T) => string
  /** Where a row leads; its first cell becomes the link, and the whole row can be clicked. */
  to?: (row: T) => string
  chosen?: (row: T) => boolean
  /** Buttons at the end of a row. */
  actions?: (row: T) => ComponentChildren
  more?: (() => unknown) | undefined
  loadingMore?: boolean | undefined
}

/** Rows of facts. */
export function Table<T>({ label, columns, rows, rowKey, to, chosen, actions, more, loadingMore }: TableProps<T>): VNode {
  const names = (column: Column<T>): string | undefined => [column.number && 'number', column.wideOnly && 'wide-only'].filter(Boolean).join(' ') || undefined
  const box = useRef<HTMLDivElement>(null)
  const scrolls = useScrolls(box)
  return (
    <div class="table-box" ref={box} {...(scrolls ? { tabIndex: 0, role: 'region', 'aria-label': label } : {})}>
      <table class="table" aria-label={label}>
        <thead>
          <tr>
            {columns.map(column => <th key={column.title} scope="col" class={names(column)}>{column.title}</th>)}
            {actions && <th scope="col"><span class="sr-only">Actions</span></th>}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={rowKey(row)} class={[to && 'is-link', chosen?.(row) && 'is-chosen'].filter(Boolean).join(' ') || undefined}>
              {columns.map((column, index) => (
                <td key={column.title} class={names(column)}>
                  {index === 0 && to ? <Link to={to(row)} class="table-link">{column.cell(row)}</Link> : column.cell(row)}
                </td>
              ))}
              {actions && <td><div class="table-actions">{actions(row)}</div></td>}
            </tr>
          ))}
        </tbody>
      </table>
      {more && <div class="table-more"><Button small busy={loadingMore} onClick={more}>Show more</Button></div>}
    </div>
  )
}

/** Whether a box is narrower than what is in it: then the keyboard must reach it, to scroll. */
function useScrolls(box: { current: HTMLElement | null }): boolean {
  const [scrolls, setScrolls] = useState(false)
  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    const watcher = new ResizeObserver(() => setScrolls(element.scrollWidth > element.clientWidth + 1))
    watcher.observe(element)
    return () => watcher.disconnect()
  }, [])
  return scrolls
}
