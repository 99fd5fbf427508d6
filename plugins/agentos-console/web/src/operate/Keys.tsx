import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { rights } from '../app/rights'
import { client, forget } from '../app/session'
import { ask } from '../kit/ask'
import { Button } from '../kit/Button'
import { Checkbox } from '../kit/Field'
import { visible } from '../kit/format'
import { Empty, ErrorNotice, Loading, Notice } from '../kit/Notice'
import { Page } from '../kit/Page'
import { Badge } from '../kit/Status'
import { Table } from '../kit/Table'
import { Time } from '../kit/Time'
import { tell, tellError } from '../kit/toast'
import { useList } from '../kit/useResource'
import type { Key, MadeKey } from './key'
import { MadeKeyDialog } from './MadeKeyDialog'
import { NewKeyDialog } from './NewKeyDialog'

const KINDS = { active: 'ok', expired: 'warn', revoked: 'plain' } as const

/** The API keys of all owners: make one, see it once, revoke it. */
export default function Keys(): VNode {
  const { items, error, refresh, more, loadingMore, change } = useList<Key>('/api/v1/keys', 'keys')
  const [all, setAll] = useState(false)
  const [open, setOpen] = useState(false)
  const [made, setMade] = useState<MadeKey | null>(null)
  const shown = items?.filter(key => all || key.status === 'active')
  const create = <Button kind="primary" icon="plus" onClick={() => setOpen(true)}>New key</Button>

  const revoke = async (key: Key): Promise<void> => {
    const sure = await ask({
      title: `Revoke ${visible(key.name)}?`,
      text: key.current ? 'This is the key that you use now: you will be asked for another one. It cannot be undone.' : 'From the next request on, it is refused. Runs that it started go on. It cannot be undone.',
      confirm: 'Revoke',
      danger: true,
    })
    if (!sure) return
    try {
      const { data } = await client().request<{ key: Key }>('DELETE', `/api/v1/keys/${encodeURIComponent(key.id)}`)
      change(keys => keys.map(one => (one.id === key.id ? data.key : one)))
      tell(`The key ${visible(key.name)} is revoked.`)
      if (key.current) forget()
    } catch (failed) {
      tellError(failed, 'The key could not be revoked')
    }
  }

  return (
    <Page title="Keys" actions={create}>
      <p class="page-lead">What programs and people call this server with. A key is shown once, when it is made; the server keeps its hash alone.</p>
      {rights.value?.authentication === 'off' && <Notice kind="warn">This server asks for no key: <code>AGENTOS_AUTH=api_key</code> makes it ask.</Notice>}
      {error !== undefined && <ErrorNotice error={error} what="The keys could not be loaded" retry={refresh} />}
      {shown === undefined ? error === undefined && <Loading /> : (
        <>
          <Checkbox label="Show expired and revoked ones too" checked={all} onChange={setAll} />
          {shown.length > 0 || more !== undefined ? (
            <Table
              label="API keys"
              rows={shown}
              rowKey={key => key.id}
              more={more}
              loadingMore={loadingMore}
              columns={[
                { title: 'Name', cell: key => <><strong>{visible(key.name)}</strong>{key.current && <span class="faint"> (yours)</span>}<div class="mono small faint">{visible(key.id)}</div></> },
                { title: 'Status', cell: key => <Badge kind={KINDS[key.status] ?? 'plain'}>{key.status}</Badge> },
                { title: 'Owner', cell: key => visible(key.owner), wideOnly: true },
                { title: 'Scopes', cell: key => <span class="small soft">{visible(key.scopes.join(', '))}</span>, wideOnly: true },
                { title: 'Made', cell: key => <Time at={key.created_at} />, wideOnly: true },
                { title: 'Expires', cell: key => (key.expires_at === null ? <span class="faint">never</span> : <Time at={key.expires_at} />) },
              ]}
              actions={key => key.status !== 'revoked' && <Button small kind="quiet" danger onClick={() => revoke(key)}>Revoke</Button>}
            />
          ) : (
            <Empty icon="keys" title="No key yet" actions={create}>Make one for each program or person, so that each can be revoked by itself.</Empty>
          )}
        </>
      )}
      {open && (
        <NewKeyDialog
          onClose={() => setOpen(false)}
          onMade={key => {
            setOpen(false)
            setMade(key)
            void refresh()
          }}
        />
      )}
      {made && <MadeKeyDialog made={made} onClose={() => setMade(null)} />}
    </Page>
  )
}
