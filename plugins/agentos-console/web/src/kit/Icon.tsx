// All icons: strokes on a grid of 24, drawn for this console.
import type { VNode } from 'preact'

const PATHS = {
  chat: 'M4 5.5h16v11H10.5L6 20v-3.5H4z',
  sessions: 'M4 6h16M4 12h16M4 18h10',
  runs: 'M4 6h9M8 12h12M6 18h7',
  approvals: 'M5 12.5 9.5 17 19 7.5',
  agents: 'M12 4v3M6 7h12v11H6zM9.5 12v1.5M14.5 12v1.5M3.5 11v4M20.5 11v4',
  tools: 'M14.5 5.5a4 4 0 0 0-5 5L4 16v4h4l5.5-5.5a4 4 0 0 0 5-5L16 12l-2-.5-.5-2z',
  models: 'M12 3.5 20 8v8l-8 4.5L4 16V8zM4 8l8 4.5L20 8M12 12.5v8',
  plugins: 'M9 4v4M15 4v4M6.5 8h11v4a5.5 5.5 0 0 1-11 0zM12 17.5V21',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5',
  health: 'M3.5 12.5h4l2.5-7 4 13 2.5-6h4',
  keys: 'M14.5 14a4.75 4.75 0 1 0-4.4-3L4 17.2V20h3v-2h2v-2h2l1.2-1.5M16 9h.01',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6 6 18',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20',
  menu: 'M4 6.5h16M4 12h16M4 17.5h16',
  more: 'M5.5 12h.01M12 12h.01M18.5 12h.01',
  back: 'M14.5 5.5 8 12l6.5 6.5',
  forward: 'M9.5 5.5 16 12l-6.5 6.5',
  down: 'M5.5 9 12 15.5 18.5 9',
  up: 'M5.5 15 12 8.5l6.5 6.5',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  copy: 'M9 9h10v10H9zM15 9V5H5v10h4',
  check: 'M5 12.5 10 17.5 19.5 7',
  edit: 'M5 19l1-4L16.5 4.5l3 3L9 18zM14 7l3 3',
  trash: 'M5 7h14M9.5 7V4.5h5V7M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5',
  refresh: 'M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4.5V9H15',
  fork: 'M7 4v16M7 14c0-4 10-1 10-7M17 4.5v3M14.5 7 17 4.5 19.5 7',
  clip: 'M18.5 11.5 11.6 18.4a4 4 0 0 1-5.7-5.7l7.6-7.6a2.7 2.7 0 0 1 3.8 3.8l-7.5 7.5a1.3 1.3 0 0 1-1.9-1.9l6.4-6.4',
  file: 'M6.5 3.5h7L18 8v12.5H6.5zM13.5 3.5V8H18',
  image: 'M4 5h16v14H4zM4 16l5-5 4.5 4.5 2-2L20 18M15.5 9.5h.01',
  download: 'M12 4v11M7 10.5l5 5 5-5M5 20h14',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1',
  outside: 'M13 4.5h6.5V11M19.5 4.5 11 13M17 13.5v6H4.5V7h6',
  clock: 'M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 7.5V12l3 2',
  thought: 'M9 18h6M10 21h4M12 3a6 6 0 0 0-3.5 10.9c.6.5 1 1.1 1 1.9h5c0-.8.4-1.4 1-1.9A6 6 0 0 0 12 3z',
  info: 'M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 11v5.5M12 7.5h.01',
  warn: 'M12 4 21 19.5H3zM12 10v4.5M12 17h.01',
  bad: 'M8.5 3.5h7l5 5v7l-5 5h-7l-5-5v-7zM12 8v5M12 16h.01',
  ok: 'M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM8 12.5l3 3 5.5-6',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4',
  moon: 'M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z',
  screen: 'M3.5 5h17v11h-17zM9 20h6M12 16v4',
  sidebar: 'M4 5h16v14H4zM9.5 5v14',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  play: 'M8 5.5v13l10.5-6.5z',
  retry: 'M4.5 12a7.5 7.5 0 1 0 2.2-5.3L4.5 9M4.5 4.5V9H9',
  history: 'M4.5 12a7.5 7.5 0 1 0 2.2-5.3L4.5 9M4.5 4.5V9H9M12 8v4.5l3 1.5',
  diff: 'M7 5v8M3.5 9H11M4 19h7M15 5l5 14',
  filter: 'M4 6h16M7 12h10M10.5 18h3',
  braces: 'M9 4.5c-3 0-1 6.5-4 7.5 3 1 1 7.5 4 7.5M15 4.5c3 0 1 6.5 4 7.5-3 1-1 7.5-4 7.5',
} as const

export type IconName = keyof typeof PATHS

interface IconProps {
  name: IconName
  size?: number
  class?: string
}

/** An icon. It is hidden from screen readers: the text beside it, or the label of its button, says what it is. */
export function Icon({ name, size = 16, class: more }: IconProps): VNode {
  return (
    <svg class={more ? `icon ${more}` : 'icon'} width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width={name === 'more' ? 3 : 1.8} stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}
