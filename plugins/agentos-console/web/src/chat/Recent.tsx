import type { VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { at, Link } from '../app/router'
import { may } from '../app/rights'
import { visible } from '../kit/format'
import { Time } from '../kit/Time'
import { useList } from '../kit/useResource'
import { onTold } from './tabs'
import type { Session } from './types'

/** The latest sessions, beside the conversation where there is room. */
export function Recent({ current, changes }: { current: string | null; changes: number }): VNode | null {
  const list = useList<Session>('/api/v1/sessions', 'sessions', {}, { size: 40, every: 30 })
  useEffect(() => void (changes > 0 && list.refresh()), [changes])
  useEffect(() => onTold(() => void list.refresh()), [list.refresh])
  if (!may('sessions:read') || !list.items?.length) return null
  return (
    <nav class="recent" aria-label="Recent sessions">
      <div class="recent-head">
        <h2>Recent</h2>
        <Link to="/sessions" class="small">All sessions</Link>
      </div>
      <ul role="list">
        {list.items.map(session => (
          <li key={session.session_id}>
            <Link to={at('chat', session.session_id)} class="recent-item" aria-current={session.session_id === current ? 'page' : undefined}>
              <span class="clip">{visible(session.name || 'Untitled session')}</span>
              <span class="recent-more small faint"><span class="clip">{visible(session.agent_id)}</span><Time at={session.updated_at} /></span>
            </Link>
          </li>
        ))}
      </ul>
      {list.more && <button type="button" class="button button-quiet button-small" onClick={list.more}>Show more</button>}
    </nav>
  )
}
