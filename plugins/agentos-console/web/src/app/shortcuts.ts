// Keys for everything: what a key does now, and the list of them that `?` shows.
import { signal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { singleKeys } from './preferences'

export interface Shortcut {
  /** As it is shown: `mod+k`, `g c`, `?`. `mod` is Command on a Mac, Control elsewhere. */
  keys: string
  label: string
  run: () => void
}

export const shortcuts = signal<readonly Shortcut[]>([])

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform)

/** Adds shortcuts; returns what takes them away again. */
export function addShortcuts(added: readonly Shortcut[]): () => void {
  shortcuts.value = [...shortcuts.value, ...added]
  return () => {
    shortcuts.value = shortcuts.value.filter(one => !added.includes(one))
  }
}

/** A shortcut for as long as a component is shown. */
export function useShortcut(keys: string, label: string, run: () => void): void {
  const latest = useRef(run)
  latest.current = run
  useLayoutEffect(() => addShortcuts([{ keys, label, run: () => latest.current() }]), [keys, label])
}

/** How a shortcut is written on a key cap. */
export function caps(keys: string): string[] {
  return keys.split(/[ +]/).map(key => (key === 'mod' ? (isMac ? '⌘' : 'Ctrl') : key.length === 1 ? key.toUpperCase() : key))
}

const TYPING = 'input, textarea, select, [contenteditable]'
const BETWEEN_KEYS = 900

let prefix = ''
let prefixAt = 0

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.altKey) return
  const mod = isMac ? event.metaKey : event.ctrlKey
  const target = event.target instanceof Element ? event.target : null
  if (mod) {
    press('mod+' + event.key.toLowerCase(), event)
    return
  }
  if (event.ctrlKey || event.metaKey || !singleKeys.value) return
  // In a field, a letter is a letter; a dialog has the keys to itself.
  if (target?.closest(TYPING) || document.querySelector('dialog[open]')) return
  const after = performance.now() - prefixAt < BETWEEN_KEYS ? prefix : ''
  prefix = ''
  if (after !== '' && press(`${after} ${event.key}`, event)) return
  if (press(event.key, event)) return
  prefix = event.key
  prefixAt = performance.now()
}

function press(keys: string, event: KeyboardEvent): boolean {
  // The latest wins: a view may take over a key of the shell.
  const found = shortcuts.value.findLast(one => one.keys === keys)
  if (found === undefined) return false
  event.preventDefault()
  found.run()
  return true
}

addEventListener('keydown', onKey)
