// Every view of the console: where it is, what it is called, and how its chunk is loaded.
import type { ComponentType } from 'preact'
import type { IconName } from '../kit/Icon'
import { may } from './rights'

export interface View {
  /** The addresses that show it; the first is where the navigation leads. */
  paths: readonly string[]
  title: string
  icon: IconName
  group: 'work' | 'build' | 'operate'
  /** The scopes of which it needs one to show anything. */
  needs?: readonly string[]
  /** The second key after `g` that leads to it. */
  letter?: string
  load: () => Promise<{ default: ComponentType }>
}

export const VIEWS: readonly View[] = [
  { paths: ['/chat', '/chat/:session'], title: 'Chat', icon: 'chat', group: 'work', letter: 'c', needs: ['agents:run:*', 'sessions:read'], load: () => import('../chat/Chat') },
  { paths: ['/sessions'], title: 'Sessions', icon: 'sessions', group: 'work', letter: 's', needs: ['sessions:read'], load: () => import('../sessions/Sessions') },
  { paths: ['/runs', '/runs/:run'], title: 'Runs', icon: 'runs', group: 'work', letter: 'r', needs: ['runs:read'], load: () => import('../runs/Runs') },
  { paths: ['/approvals'], title: 'Approvals', icon: 'approvals', group: 'work', letter: 'a', needs: ['runs:read', 'runs:approve'], load: () => import('../approvals/Approvals') },
  { paths: ['/agents', '/agents/:agent'], title: 'Agents', icon: 'agents', group: 'build', letter: 'g', needs: ['agents:read'], load: () => import('../agents/Agents') },
  { paths: ['/tools', '/tools/:tool'], title: 'Tools', icon: 'tools', group: 'build', letter: 't', needs: ['agents:read'], load: () => import('../tools/Tools') },
  { paths: ['/operate/models'], title: 'Models', icon: 'models', group: 'operate', letter: 'm', needs: ['agents:read'], load: () => import('../operate/Models') },
  { paths: ['/operate/plugins'], title: 'Plugins', icon: 'plugins', group: 'operate', letter: 'p', needs: ['agents:read'], load: () => import('../operate/Plugins') },
  { paths: ['/operate/settings'], title: 'Settings', icon: 'settings', group: 'operate', letter: 'e', needs: ['settings:read'], load: () => import('../operate/Settings') },
  { paths: ['/operate/health'], title: 'Health', icon: 'health', group: 'operate', letter: 'h', load: () => import('../operate/Health') },
  { paths: ['/operate/keys'], title: 'Keys', icon: 'keys', group: 'operate', letter: 'k', needs: ['admin'], load: () => import('../operate/Keys') },
]

export const GROUPS: readonly { id: View['group']; title: string }[] = [
  { id: 'work', title: 'Work' },
  { id: 'build', title: 'Build' },
  { id: 'operate', title: 'Operate' },
]

/** The view that shows a pattern. */
export const viewOf = (pattern: string | null): View | undefined => VIEWS.find(view => pattern !== null && view.paths.includes(pattern))

/** Whether the credential of this tab may see what a view shows. */
export const isOpen = (view: View): boolean => view.needs === undefined || view.needs.some(may)

/** The address that a view's navigation leads to. */
export const homeOf = (view: View): string => view.paths[0] ?? '/chat'
