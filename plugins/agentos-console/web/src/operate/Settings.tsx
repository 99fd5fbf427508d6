import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { SearchField } from '../kit/Field'
import { visible } from '../kit/format'
import { Empty, ErrorNotice, Loading, Notice } from '../kit/Notice'
import { Page } from '../kit/Page'
import { Badge } from '../kit/Status'
import { Ticks } from '../kit/Ticks'
import { useGet } from '../kit/useResource'

interface Setting {
  name: string
  value: unknown
  default: unknown
  is_set: boolean
  secret: boolean
  source: string
  place: string | null
  accepts: string
  help: string
  variables: string[]
  plugin: string | null
}

/** Every setting with its value and where that came from. */
export default function Settings(): VNode {
  const { data, error, refresh } = useGet<{ settings: Setting[]; warnings?: string[] }>('/api/v1/settings')
  const [text, setText] = useState('')
  const [onlySet, setOnlySet] = useState(false)
  const wanted = text.trim().toLowerCase()
  const found = data?.settings.filter(one => (!onlySet || one.source !== 'default') && (wanted === '' || [one.name, one.help, ...one.variables].some(part => part.toLowerCase().includes(wanted))))
  const groups = new Map<string, Setting[]>()
  for (const one of found ?? []) groups.set(one.plugin ?? '', [...(groups.get(one.plugin ?? '') ?? []), one])
  return (
    <Page
      title="Settings"
      actions={
        <>
          <Button aria-pressed={onlySet} onClick={() => setOnlySet(!onlySet)}>Only what is set</Button>
          <SearchField label="Search settings" value={text} onInput={setText} />
        </>
      }
    >
      <p class="page-lead">As the server that answers read them when it started. Change them in the environment or the file, and restart. Secrets are never shown.</p>
      {error !== undefined && <ErrorNotice error={error} what="The settings could not be loaded" retry={refresh} />}
      {data?.warnings?.map(warning => <Notice kind="warn" key={warning}>{visible(warning)}</Notice>)}
      {found === undefined ? error === undefined && <Loading /> : found.length === 0 ? (
        <Empty icon="settings" title="No setting fits" actions={<Button onClick={() => { setText(''); setOnlySet(false) }}>Show all</Button>} />
      ) : (
        [...groups].map(([plugin, settings]) => (
          <section class="panel" key={plugin} aria-label={plugin === '' ? 'Settings of the server' : `Settings of the plugin ${plugin}`}>
            <div class="panel-head"><h2>{plugin === '' ? 'Server' : visible(plugin)}</h2><span class="faint">{settings.length}</span></div>
            <ul role="list">{settings.map(one => <Row key={one.name} setting={one} />)}</ul>
          </section>
        ))
      )}
    </Page>
  )
}

function Row({ setting }: { setting: Setting }): VNode {
  const isDefault = setting.source === 'default'
  return (
    <li class="setting">
      <div class="setting-name">
        <code>{visible(setting.name)}</code>
        <details class="small">
          <summary class="soft"><Ticks text={setting.help} /></summary>
          <dl class="facts setting-more">
            <dt>Accepts</dt><dd><Ticks text={setting.accepts} /></dd>
            <dt>Default</dt><dd><Value value={setting.default} /></dd>
            {setting.variables.length > 0 && <><dt>Set by</dt><dd class="mono">{visible(setting.variables.join(', '))}</dd></>}
          </dl>
        </details>
      </div>
      <div class="setting-value">{setting.secret ? <span class="soft">{setting.is_set ? 'set; not shown' : 'not set'}</span> : <Value value={setting.value} />}</div>
      <div class="setting-source">
        {isDefault ? <span class="faint">default</span> : <><Badge kind="live" dot={false}>{visible(setting.source)}</Badge>{setting.place !== null && <span class="mono small soft">{visible(setting.place)}</span>}</>}
      </div>
    </li>
  )
}

function Value({ value }: { value: unknown }): VNode {
  if (value === null || value === undefined || value === '') return <span class="faint">none</span>
  if (Array.isArray(value) && value.length === 0) return <span class="faint">none</span>
  const text = typeof value === 'string' ? value : Array.isArray(value) ? value.map(plain).join(', ') : plain(value)
  return <code>{visible(text)}</code>
}

function plain(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
