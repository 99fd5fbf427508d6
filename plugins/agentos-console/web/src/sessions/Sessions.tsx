import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { at, go, Link, route, setQuery } from '../app/router'
import { missing } from '../app/rights'
import { client } from '../app/session'
import type { Agent, Session } from '../chat/types'
import { Button } from '../kit/Button'
import { Select, SearchField } from '../kit/Field'
import { count, visible } from '../kit/format'
import { Menu } from '../kit/Menu'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Page } from '../kit/Page'
import { Table } from '../kit/Table'
import { Time } from '../kit/Time'
import { tellError } from '../kit/toast'
import { useGet, useList } from '../kit/useResource'
import { askForName, deleteSession, nameOf, pathOf, Renamer } from './actions'
import { exportSession } from './export'

/** Milliseconds after the last letter of a search. */
const PAUSE = 250

/** All sessions of the caller: found, renamed, exported, deleted. */
export default function Sessions(): VNode {
  const { query } = route.value
  const [text, setText] = useState(query.get('q') ?? '')
  const inTexts = query.get('in') === 'texts'
  const agent = query.get('agent') ?? ''
  const asked = query.get('q') ?? ''
  useEffect(() => {
    const timer = setTimeout(() => setQuery({ q: text }), PAUSE)
    return () => clearTimeout(timer)
  }, [text])

  const agents = useGet<{ agents: Agent[] }>('/api/v1/agents', { limit: 1000 })
  const search = asked === '' ? {} : inTexts ? { q_text: asked.slice(0, 256) } : { q: asked.slice(0, 1024) }
  const list = useList<Session>('/api/v1/sessions', 'sessions', { ...search, ...(agent === '' ? {} : { agent_id: agent }) })
  const isFiltered = asked !== '' || agent !== ''

  const rename = async (session: Session): Promise<void> => {
    await askForName(session, async name => {
      const { data } = await client().request<Session>('PUT', pathOf(session), { body: { name } })
      list.change(items => items.map(one => (one.session_id === session.session_id ? data : one)))
    })
  }
  const remove = async (session: Session): Promise<void> => {
    if (await deleteSession(session)) list.change(items => items.filter(one => one.session_id !== session.session_id))
  }
  return (
    <Page title="Sessions" actions={<Button kind="primary" icon="plus" onClick={() => go('/chat')}>New chat</Button>}>
      <Renamer />
      <div class="filters sessions-filters">
        <SearchField label="Search sessions" value={text} onInput={setText} placeholder={inTexts ? 'Words that were said' : 'Part of a name'} />
        <Select label="Search in" hideLabel value={inTexts ? 'texts' : 'names'} options={[{ value: 'names', label: 'In names' }, { value: 'texts', label: 'In messages' }]} onChange={where => setQuery({ in: where === 'texts' ? where : null })} />
        <Select label="Agent" hideLabel value={agent} options={[{ value: '', label: 'All agents' }, ...(agents.data?.agents ?? []).map(one => ({ value: one.id, label: visible(one.name || one.id) }))]} onChange={id => setQuery({ agent: id })} />
      </div>
      {list.error !== undefined && (
        <ErrorNotice error={list.error} what="The sessions could not be loaded" retry={list.refresh}>
          {inTexts && <div>To search in messages, the server needs the setting AGENTOS_SEARCH.</div>}
        </ErrorNotice>
      )}
      {list.items === undefined && list.error === undefined && <Loading what="Loading the sessions" />}
      {list.items?.length === 0 && (isFiltered ? (
        <Empty icon="search" title="No session is found" actions={<Button onClick={() => { setText(''); setQuery({ q: null, agent: null }) }}>Show all sessions</Button>}>
          {inTexts ? 'Whole words are found, and phrases in "double quotes".' : 'A part of the name is enough, in upper or lower case.'}
        </Empty>
      ) : (
        <Empty icon="sessions" title="No session yet" actions={<Link to="/chat" class="button button-primary">Start a chat</Link>}>
          A session keeps what you and an agent say. Each chat makes one.
        </Empty>
      ))}
      {list.items !== undefined && list.items.length > 0 && (
        <Table
          label="Sessions"
          rows={list.items}
          rowKey={session => session.session_id}
          to={session => at('chat', session.session_id)}
          columns={[
            { title: 'Name', cell: nameOf },
            { title: 'Agent', cell: session => visible(session.agent_id), wideOnly: true },
            { title: 'Runs', cell: session => count(session.run_count), number: true, wideOnly: true },
            { title: 'Tokens', cell: session => count(session.total_tokens), number: true, wideOnly: true },
            { title: 'Last activity', cell: session => <Time at={session.updated_at} />, number: true },
          ]}
          actions={session => (
            <>
              <Button kind="quiet" small icon="edit" label={`Rename ${nameOf(session)}`} reason={missing('sessions:write')} onClick={() => rename(session)} />
              <Menu
                label={`Export ${nameOf(session)}`}
                icon="download"
                small
                items={[
                  { label: 'As Markdown', icon: 'file', onChoose: () => exportSession(session, 'markdown') },
                  { label: 'As JSON', icon: 'braces', onChoose: () => exportSession(session, 'json') },
                ]}
              />
              <Button kind="quiet" small danger icon="trash" label={`Delete ${nameOf(session)}`} reason={missing('sessions:write')} onClick={() => remove(session)} />
            </>
          )}
          more={list.more && (() => list.more?.().catch(tellError))}
          loadingMore={list.loadingMore}
        />
      )}
    </Page>
  )
}
