import type { VNode } from 'preact'
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks'
import { Dialog } from '../kit/Dialog'
import { visible } from '../kit/format'
import { Icon, type IconName } from '../kit/Icon'
import { useResource } from '../kit/useResource'
import { nextTheme } from './preferences'
import { may } from './rights'
import { at, go } from './router'
import { base, client, forget, key } from './session'
import { homeOf, VIEWS } from './views'

interface Entry {
  id: string
  label: string
  note?: string
  icon: IconName
  run: () => void
}

interface PaletteProps {
  onClose: () => void
  onHelp: () => void
}

const MOST = 12

/** Finds a view, an agent, a session or an action by a few letters. */
export function Palette({ onClose, onHelp }: PaletteProps): VNode {
  const [text, setText] = useState('')
  const [index, setIndex] = useState(0)
  const id = useId()
  const list = useRef<HTMLUListElement>(null)
  const asked = useLater(text.trim(), 150)
  const agents = useResource(signal => named('/api/v1/agents', 'agents', { limit: 200 }, signal, may('agents:read')), [])
  // There can be many thousands: the server looks for their names.
  const sessions = useResource(signal => named('/api/v1/sessions', 'sessions', { limit: 20, ...(asked.length < 2 ? {} : { q: asked }) }, signal, may('sessions:read')), [asked])
  // What was found stays until more is known: the list must not jump with each letter.
  const found = useRef<Named[]>([])
  if (sessions.data) found.current = sessions.data

  const entries = useMemo(() => {
    const chats = (agents.data ?? []).map(agentEntry)
    const latest = found.current.map(sessionEntry)
    const wanted = text.trim()
    // At first: what is nearest to where one left off. The pages are in the navigation anyway.
    if (wanted === '') return [...actions(onHelp).slice(0, 1), ...latest.slice(0, 5), ...chats.slice(0, 5), ...actions(onHelp).slice(1)]
    const all = [...views(), ...actions(onHelp), ...chats, ...latest]
    const fitting = all
      .map(entry => ({ entry, score: Math.max(score(entry.label, wanted), score(entry.note ?? '', wanted) - 2) }))
      .filter(one => one.score > 0)
    fitting.sort((one, other) => other.score - one.score)
    return [...fitting.slice(0, MOST).map(one => one.entry), ...byId(wanted)]
  }, [text, agents.data, sessions.data])
  const chosen = Math.min(index, entries.length - 1)

  const choose = (entry: Entry | undefined): void => {
    if (entry === undefined) return
    onClose()
    entry.run()
  }
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined && entries.length > 0) {
      event.preventDefault()
      const next = (chosen + step + entries.length) % entries.length
      setIndex(next)
      list.current?.children[next]?.scrollIntoView({ block: 'nearest' })
    } else if (event.key === 'Enter') {
      event.preventDefault()
      choose(entries[chosen])
    }
  }
  return (
    <Dialog title="Go to anything" onClose={onClose} bare class="palette">
      <div class="palette-field">
        <Icon name="search" size={18} />
        <input
          class="palette-input"
          type="text"
          role="combobox"
          autofocus
          autocomplete="off"
          spellcheck={false}
          placeholder="A page, an agent, a session, an id…"
          aria-label="Go to anything"
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={entries[chosen] && `${id}-${chosen}`}
          value={text}
          onInput={event => {
            setText(event.currentTarget.value)
            setIndex(0)
          }}
          onKeyDown={onKey}
        />
      </div>
      <ul role="listbox" class="palette-list" id={id} aria-label="Found" ref={list}>
        {entries.map((entry, place) => (
          <li key={entry.id} role="option" id={`${id}-${place}`} class="palette-entry" aria-selected={place === chosen} onMouseMove={() => setIndex(place)} onClick={() => choose(entry)}>
            <Icon name={entry.icon} />
            <span class="clip">{entry.label}</span>
            {entry.note && <span class="faint small clip">{entry.note}</span>}
          </li>
        ))}
      </ul>
      {entries.length === 0 && <p class="soft palette-none" role="status">Nothing is called that.</p>}
    </Dialog>
  )
}

/** A value that waits until it stopped changing, so that not each letter is asked for. */
function useLater<T>(value: T, milliseconds: number): T {
  const [later, setLater] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), milliseconds)
    return () => clearTimeout(timer)
  }, [value])
  return later
}

const views = (): Entry[] => VIEWS.map(view => ({ id: 'view:' + view.title, label: view.title, note: 'Page', icon: view.icon, run: () => go(homeOf(view)) }))

const actions = (onHelp: () => void): Entry[] => [
  { id: 'new', label: 'New chat', icon: 'plus', run: () => go('/chat') },
  { id: 'theme', label: 'Change the theme', icon: 'sun', run: nextTheme },
  { id: 'help', label: 'Keyboard shortcuts', icon: 'info', run: onHelp },
  { id: 'docs', label: 'API documentation', icon: 'outside', run: () => void open(`${base}/docs`, '_blank', 'noopener') },
  ...(key.value === null ? [] : [{ id: 'forget', label: 'Forget key', icon: 'lock' as const, run: forget }]),
]

interface Named {
  id: string
  name: string
}

async function named(path: string, list: 'agents' | 'sessions', query: Record<string, string | number>, signal: AbortSignal, allowed: boolean): Promise<Named[]> {
  if (!allowed) return []
  const { data } = await client().request<Record<string, Record<string, unknown>[]>>('GET', path, { query, signal })
  return (data[list] ?? []).map(one => {
    const id = String(one[list === 'agents' ? 'agent_id' : 'session_id'] ?? one['id'])
    return { id, name: typeof one['name'] === 'string' && one['name'] !== '' ? one['name'] : id }
  })
}

const agentEntry = ({ id, name }: Named): Entry => ({ id: 'agent:' + id, label: `Chat with ${visible(name)}`, note: visible(id), icon: 'agents', run: () => go(`/chat?agent=${encodeURIComponent(id)}`) })

const sessionEntry = ({ id, name }: Named): Entry => ({ id: 'session:' + id, label: visible(name), note: 'Session', icon: 'sessions', run: () => go(at('chat', id)) })

/** An id that was pasted: of a run, a session or an agent; which it is, the person says. */
function byId(text: string): Entry[] {
  if (!/^[\w.:-]{16,}$/.test(text)) return []
  return [
    { id: 'id:run', label: `Open the run ${visible(text)}`, icon: 'runs', run: () => go(at('runs', text)) },
    { id: 'id:session', label: `Open the session ${visible(text)}`, icon: 'sessions', run: () => go(at('chat', text)) },
  ]
}

/** How well letters fit a label: at its beginning, at a word's, or inside; 0: not at all. */
function score(label: string, wanted: string): number {
  const text = label.toLowerCase()
  const letters = wanted.toLowerCase()
  const place = text.indexOf(letters)
  if (place === 0) return 10
  if (place > 0) return /\W/.test(text[place - 1] ?? '') ? 8 : 5
  return 0
}
