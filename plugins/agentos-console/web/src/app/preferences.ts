// Looks and layout, the only things that stay in this browser. Nothing of a run is ever kept here.
import { effect, signal } from '@preact/signals'

function stored(name: string): string | null {
  try {
    return localStorage.getItem('agentos.' + name)
  } catch {
    return null
  }
}

function store(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem('agentos.' + name)
    else localStorage.setItem('agentos.' + name, value)
  } catch {
    // Storage can be forbidden; then the choice lasts as long as the page.
  }
}

export type Theme = 'system' | 'light' | 'dark'

export const THEMES: readonly Theme[] = ['system', 'light', 'dark']

const given = stored('theme')
export const theme = signal<Theme>(given === 'light' || given === 'dark' ? given : 'system')

/** Whether the navigation shows its icons alone. */
export const narrow = signal(stored('nav') === 'narrow')

/** Whether keys without a modifier are shortcuts. */
export const singleKeys = signal(stored('keys') !== 'off')

effect(() => {
  const root = document.documentElement
  if (theme.value === 'system') delete root.dataset['theme']
  else root.dataset['theme'] = theme.value
  store('theme', theme.value === 'system' ? null : theme.value)
})
effect(() => store('nav', narrow.value ? 'narrow' : null))
effect(() => store('keys', singleKeys.value ? null : 'off'))

/** The next theme in turn. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system'
}
