import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { SearchField } from '../kit/Field'
import { visible } from '../kit/format'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Page } from '../kit/Page'
import { Table } from '../kit/Table'
import { useGet } from '../kit/useResource'
import { isObject } from '../kit/schema/values'

type Tool = Schemas['Tool']

export function ToolList(): VNode {
  const found = useGet<Schemas['ToolList']>('/api/v1/tools')
  const [wanted, setWanted] = useState('')
  const tools = found.data?.tools.filter(tool =>
    `${tool.name} ${tool.description} ${tool.source}`.toLowerCase().includes(wanted.toLowerCase()),
  )
  return (
    <Page title="Tools">
      {found.error !== undefined && (
        <ErrorNotice error={found.error} what="The tools could not be loaded" retry={found.refresh} />
      )}
      {found.data === undefined && found.loading && <Loading what="Loading tools" />}
      {found.data?.count === 0 && (
        <Empty icon="tools" title="No tools are installed">
          Plugins and tool sources bring tools; agents in code may have tools of their own, which are not listed here.
        </Empty>
      )}
      {found.data !== undefined && found.data.count > 0 && (
        <>
          <div class="filters">
            <SearchField label="Search tools" value={wanted} onInput={setWanted} />
          </div>
          {tools?.length === 0 ? (
            <Empty icon="search" title="No tool matches" />
          ) : (
            <Table
              label="Tools"
              rows={tools ?? []}
              rowKey={tool => tool.name}
              to={tool => `/tools/${encodeURIComponent(tool.name)}`}
              columns={[
                { title: 'Tool', cell: tool => <span class="mono clip tool-cell">{visible(tool.name)}</span> },
                {
                  title: 'Description',
                  cell: tool => <span class="tool-about soft">{visible(tool.description)}</span>,
                },
                { title: 'Parameters', cell: tool => namesOf(tool), wideOnly: true },
                {
                  title: 'From',
                  cell: tool => <span class="soft clip tool-cell">{visible(tool.source)}</span>,
                  wideOnly: true,
                },
              ]}
            />
          )}
        </>
      )}
    </Page>
  )
}

function namesOf(tool: Tool): VNode {
  const properties = tool.parameters['properties']
  const names = isObject(properties) ? Object.keys(properties) : []
  if (names.length === 0) return <span class="faint">none</span>
  return <span class="mono small soft">{visible(names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : ''))}</span>
}
