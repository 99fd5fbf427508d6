import type { ComponentChildren, VNode } from 'preact'
import { visible } from './format'

type Kind = 'plain' | 'ok' | 'warn' | 'bad' | 'live'

/** A word in a pill. The colour never says more than the word. */
export function Badge({ kind = 'plain', dot = true, children }: { kind?: Kind; dot?: boolean; children: ComponentChildren }): VNode {
  return <span class={['badge', kind !== 'plain' && `badge-${kind}`, !dot && 'badge-plain'].filter(Boolean).join(' ')}>{children}</span>
}

const KINDS: Readonly<Record<string, Kind>> = { running: 'live', queued: 'plain', paused: 'warn', completed: 'ok', failed: 'bad', cancelled: 'plain' }

/** The status of a run. */
export const RunStatus = ({ status }: { status: string }): VNode => <Badge kind={KINDS[status] ?? 'plain'}>{visible(status)}</Badge>
