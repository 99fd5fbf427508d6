// Where the person is: the hash of the address. A reload, a bookmark and the back button all work.
import { computed, effect, signal } from '@preact/signals'
import { h, type ComponentChildren, type VNode } from 'preact'

export interface Route {
  path: string
  params: Record<string, string>
  query: URLSearchParams
}

const START = '/chat'

const hash = signal(read())

function read(): string {
  const text = location.hash.replace(/^#/, '')
  return text.startsWith('/') ? text : START
}

/** What of a pattern such as `/runs/:run` a path gives; null where it does not match. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    if (part.startsWith(':')) {
      if (value === '') return null
      try {
        params[part.slice(1)] = decodeURIComponent(value)
      } catch {
        return null
      }
    } else if (part !== value) return null
  }
  return params
}

const patterns = signal<readonly string[]>([])

/** Tells the router which patterns there are; the first that matches counts. */
export function setPatterns(all: readonly string[]): void {
  patterns.value = all
}

/** The pattern that the address matches; null for an address that is none of ours. */
export const pattern = computed(() => {
  const path = split(hash.value).path
  return patterns.value.find(one => matchPath(one, path) !== null) ?? null
})

/** The current place. */
export const route = computed<Route>(() => {
  const { path, query } = split(hash.value)
  const params = pattern.value === null ? {} : (matchPath(pattern.value, path) ?? {})
  return { path, params, query: new URLSearchParams(query) }
})

function split(text: string): { path: string; query: string } {
  const at = text.indexOf('?')
  const path = at < 0 ? text : text.slice(0, at)
  return { path: path.length > 1 ? path.replace(/\/$/, '') : path, query: at < 0 ? '' : text.slice(at + 1) }
}

/** Goes to a place such as `/runs/ID`; `replace`: without a step for the back button. */
export function go(to: string, options: { replace?: boolean } = {}): void {
  const target = '#' + to.replace(/^#/, '')
  if (target === location.hash) return
  if (options.replace) history.replaceState(null, '', target)
  else history.pushState(null, '', target)
  hash.value = read()
}

/** Changes the query of the current place, as filters do; empty values are left out. */
export function setQuery(changes: Record<string, string | null>): void {
  const query = new URLSearchParams(route.value.query)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(name)
    else query.set(name, value)
  }
  const text = query.toString()
  go(route.value.path + (text === '' ? '' : '?' + text), { replace: true })
}

/** The path of ids in the address: each is encoded. */
export const at = (...parts: string[]): string => '/' + parts.map(encodeURIComponent).join('/')

interface LinkProps {
  to: string
  children?: ComponentChildren
  class?: string | undefined
  title?: string | undefined
  'aria-label'?: string | undefined
  'aria-current'?: 'page' | 'true' | undefined
  onClick?: ((event: MouseEvent) => void) | undefined
  onPointerEnter?: (() => void) | undefined
}

/** A link to a place of the console. */
export function Link({ to, children, ...rest }: LinkProps): VNode {
  return h('a', { ...rest, href: '#' + to }, children) as VNode
}

addEventListener('hashchange', () => (hash.value = read()))
addEventListener('popstate', () => (hash.value = read()))

/** Calls back at each change of place, not for the first one. */
export function onMove(callback: (path: string) => void): () => void {
  let last = route.value.path
  return effect(() => {
    const path = route.value.path
    if (path !== last) callback((last = path))
  })
}
