import { Fragment, type VNode } from 'preact'
import { at, Link } from '../app/router'
import { visible } from '../kit/format'
import { ErrorNotice, Loading, Notice } from '../kit/Notice'
import { Page } from '../kit/Page'
import { Badge } from '../kit/Status'
import { Table } from '../kit/Table'
import { useGet } from '../kit/useResource'

interface Plugin {
  name: string
  distribution: string | null
  version: string | null
  status: string
  provides: string[]
  /** Why it failed, for those who may know. */
  error?: string | null
}

const KINDS: Readonly<Record<string, 'ok' | 'bad'>> = { loaded: 'ok', failed: 'bad' }

/** The plugins, and what became of each. */
export default function Plugins(): VNode {
  const { data, error, refresh } = useGet<{ plugins: Plugin[] }>('/api/v1/plugins')
  const failed = data?.plugins.filter(plugin => plugin.status === 'failed') ?? []
  return (
    <Page title="Plugins">
      <p class="page-lead">What is installed beside the server, and what each plugin brings. <code>AGENTOS_PLUGINS=-name</code> leaves one out.</p>
      {error !== undefined && <ErrorNotice error={error} what="The plugins could not be loaded" retry={refresh} />}
      {failed.length > 0 && (
        <Notice kind="warn" title={failed.length === 1 ? `The plugin ${visible(failed[0]?.name ?? '')} failed` : `${failed.length} plugins failed`}>
          {failed.map(plugin => plugin.error && <div key={plugin.name}><strong>{visible(plugin.name)}</strong>: {visible(plugin.error)}</div>)}
          <div>Nothing of what {failed.length === 1 ? 'it brings' : 'they bring'} is in use. The server's log says more.</div>
        </Notice>
      )}
      {data === undefined ? error === undefined && <Loading /> : (
        <Table
          label="Plugins"
          rows={data.plugins}
          rowKey={plugin => plugin.name}
          columns={[
            { title: 'Plugin', cell: plugin => <strong class="nowrap">{visible(plugin.name)}</strong> },
            { title: 'Status', cell: plugin => <Badge kind={KINDS[plugin.status] ?? 'plain'}>{visible(plugin.status)}</Badge> },
            { title: 'Brings', cell: plugin => <Brings provides={plugin.provides} /> },
            { title: 'Package', cell: plugin => <span class="soft nowrap">{plugin.distribution === null ? 'part of the server' : visible(`${plugin.distribution} ${plugin.version ?? ''}`)}</span>, wideOnly: true },
          ]}
        />
      )}
    </Page>
  )
}

/** A tool and an agent have a page of their own. */
function Brought({ kind, name }: { kind: string; name: string }): VNode {
  if (kind === 'tool') return <Link to={at('tools', name)}>{visible(name)}</Link>
  if (kind === 'agent') return <Link to={at('agents', name)}>{visible(name)}</Link>
  return <>{visible(name)}</>
}

/** `tool:calculator`, `tool:clock` → `tool` calculator, clock. */
function Brings({ provides }: { provides: readonly string[] }): VNode {
  if (provides.length === 0) return <span class="faint">nothing</span>
  const kinds = new Map<string, string[]>()
  for (const one of provides) {
    const at = one.indexOf(':')
    const [kind, name] = at < 0 ? [one, ''] : [one.slice(0, at), one.slice(at + 1)]
    kinds.set(kind, [...(kinds.get(kind) ?? []), name])
  }
  return (
    <ul role="list" class="stack stack-tight">
      {[...kinds].map(([kind, names]) => (
        <li key={kind}>
          <span class="faint">{visible(kind.replaceAll('_', ' '))}</span>{' '}
          {names.filter(Boolean).map((name, index) => <Fragment key={name}>{index > 0 && ', '}<Brought kind={kind} name={name} /></Fragment>)}
        </li>
      ))}
    </ul>
  )
}
