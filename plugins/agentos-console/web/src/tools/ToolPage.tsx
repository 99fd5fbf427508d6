import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { Link } from '../app/router'
import { duration, visible } from '../kit/format'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Page } from '../kit/Page'
import { Badge } from '../kit/Status'
import { useGet } from '../kit/useResource'
import { CallTool } from './CallTool'
import { Parameters } from './Parameters'

const BACK = { to: '/tools', label: 'All tools' }

/** One tool: what it says of itself, and a form to call it. */
export function ToolPage({ name }: { name: string }): VNode {
  const found = useGet<Schemas['ToolList']>('/api/v1/tools')
  const tool = found.data?.tools.find(one => one.name === name)
  return (
    <Page title={<span class="mono">{visible(name)}</span>} back={BACK}>
      {found.error !== undefined && (
        <ErrorNotice error={found.error} what="The tool could not be loaded" retry={found.refresh} />
      )}
      {found.data === undefined && found.error === undefined && <Loading what="Loading the tool" />}
      {found.data !== undefined && tool === undefined && (
        <Empty
          icon="tools"
          title="There is no such tool"
          actions={
            <Link to="/tools" class="button">
              All tools
            </Link>
          }
        >
          Its plugin is gone, or its source does not have it now.
        </Empty>
      )}
      {tool !== undefined && (
        <>
          <div class="stack">
            <p class="page-lead tool-text">{visible(tool.description)}</p>
            <ToolFacts tool={tool} />
          </div>
          <div class="tool-page">
            <section class="panel" aria-label="Parameters">
              <div class="panel-head">
                <h2>Parameters</h2>
              </div>
              <div class="panel-body">
                <Parameters schema={tool.parameters} />
              </div>
            </section>
            <CallTool tool={tool} />
          </div>
        </>
      )}
    </Page>
  )
}

const APPROVALS: Readonly<Record<string, string>> = {
  sometimes: 'Some of its calls need an approval.',
  always: 'Its calls need an approval.',
}

/** Where a tool is from, and how it is called. */
function ToolFacts({ tool }: { tool: Schemas['Tool'] }): VNode {
  const approval = APPROVALS[tool.approval ?? 'never']
  return (
    <div class="row row-wrap small faint">
      <span>From {visible(tool.source)}.</span>
      {tool.isolated === true && <span>It is called in a process of its own.</span>}
      {typeof tool.timeout === 'number' && <span>A call may take {duration(tool.timeout)}.</span>}
      {approval !== undefined && <Badge kind="warn">{approval}</Badge>}
    </div>
  )
}
