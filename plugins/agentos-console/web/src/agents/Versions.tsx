import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { route, setQuery } from '../app/router'
import { missing } from '../app/rights'
import { Button } from '../kit/Button'
import { Select } from '../kit/Field'
import { fullTime, visible } from '../kit/format'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Badge } from '../kit/Status'
import { Table } from '../kit/Table'
import { Time } from '../kit/Time'
import { useGet, useList } from '../kit/useResource'
import { Diff } from './Diff'
import { RollBack } from './RollBack'
import { Shown } from './ShownVersion'
import type { Tagged } from './stored'

type Version = Schemas['AgentVersion']

interface VersionsProps {
  tagged: Tagged
  onChanged: (tagged: Tagged) => void
}

const AUTHORS: Readonly<Record<string, string>> = { operator: 'the command line', anonymous: 'without a key' }

/** All versions of an agent, the difference of two, and the way back to one. */
export function Versions({ tagged, onChanged }: VersionsProps): VNode {
  const { id, version: present } = tagged.agent
  const list = useList<Version>(`/api/v1/agents/${encodeURIComponent(id)}/versions`, 'versions')
  const [open, setOpen] = useState<{ kind: 'show' | 'back'; version: number }>()
  if (list.error !== undefined && list.items === undefined) {
    return <ErrorNotice error={list.error} what="The versions could not be loaded" retry={list.refresh} />
  }
  if (list.items === undefined) return <Loading what="Loading versions" />
  const to = Number(route.value.query.get('to') ?? present)
  const from = Number(route.value.query.get('from') ?? Math.max(1, to - 1))
  return (
    <div class="stack stack-wide">
      <Table
        label="Versions"
        rows={list.items}
        rowKey={version => String(version.version)}
        chosen={version => version.version === from || version.version === to}
        more={list.more}
        loadingMore={list.loadingMore}
        columns={[
          {
            title: 'Version',
            cell: version => (
              <>
                {version.version} {version.version === present && <Badge kind="ok">present</Badge>}
              </>
            ),
          },
          { title: 'When', cell: version => <Time at={version.created_at} /> },
          {
            title: 'Comment',
            cell: version => (version.comment === null ? <span class="faint">–</span> : visible(version.comment)),
          },
          {
            title: 'By',
            cell: version => <span class="mono small">{visible(authorOf(version))}</span>,
            wideOnly: true,
          },
        ]}
        actions={version => (
          <>
            <Button small kind="quiet" onClick={() => setOpen({ kind: 'show', version: version.version })}>
              Show
            </Button>
            {version.version !== present && (
              <>
                <Button
                  small
                  kind="quiet"
                  icon="diff"
                  onClick={() => setQuery({ from: String(version.version), to: null })}
                >
                  Compare
                </Button>
                <Button
                  small
                  kind="quiet"
                  icon="history"
                  reason={missing('agents:write')}
                  onClick={() => setOpen({ kind: 'back', version: version.version })}
                >
                  Roll back
                </Button>
              </>
            )}
          </>
        )}
      />
      {list.items.length > 1 && <Compare id={id} versions={list.items} from={from} to={to} />}
      {open?.kind === 'show' && <Shown id={id} version={open.version} onClose={() => setOpen(undefined)} />}
      {open?.kind === 'back' && (
        <RollBack tagged={tagged} version={open.version} onClose={() => setOpen(undefined)} onDone={onChanged} />
      )}
    </div>
  )
}

const authorOf = (version: Version): string =>
  version.author === null ? '–' : (AUTHORS[version.author] ?? version.author)

interface CompareProps {
  id: string
  versions: readonly Version[]
  from: number
  to: number
}

function Compare({ id, versions, from, to }: CompareProps): VNode {
  const diff = useGet<Schemas['AgentVersionDiff']>(`/api/v1/agents/${encodeURIComponent(id)}/versions/${from}/diff`, {
    to,
  })
  const options = versions.map(version => ({
    value: String(version.version),
    label: `version ${version.version}, ${fullTime(version.created_at)}`,
  }))
  return (
    <section class="stack" aria-label="Comparison">
      <div class="row row-wrap agent-compare">
        <h2>Compare</h2>
        <Select
          label="From"
          hideLabel
          value={String(from)}
          options={options}
          onChange={value => setQuery({ from: value, to: String(to) })}
        />
        <span class="soft">with</span>
        <Select
          label="To"
          hideLabel
          value={String(to)}
          options={options}
          onChange={value => setQuery({ from: String(from), to: value })}
        />
      </div>
      {diff.error !== undefined && (
        <ErrorNotice error={diff.error} what="The versions could not be compared" retry={diff.refresh} />
      )}
      {diff.data === undefined && diff.error === undefined && <Loading what="Comparing" />}
      {diff.data !== undefined &&
        (diff.data.changes.length === 0 ? (
          <Empty icon="diff" title="They are the same" />
        ) : (
          <Diff changes={diff.data.changes} none="" />
        ))}
    </section>
  )
}
