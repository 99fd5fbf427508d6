import type { VNode } from 'preact'
import { watched } from '../app/connection'
import { base } from '../app/session'
import { Button } from '../kit/Button'
import { duration, visible } from '../kit/format'
import { ErrorNotice, Loading, Notice } from '../kit/Notice'
import { Page } from '../kit/Page'
import { Badge } from '../kit/Status'
import { useResource } from '../kit/useResource'

interface Check {
  name: string
  ok: boolean
  status?: 'ok' | 'warning' | 'failed'
  detail: string | null
}

interface Seen {
  ready: boolean
  checks: Check[]
  version: string
  /** Seconds from the question to the answer. */
  took: number
}

const EVERY = 5

function Outcome({ check }: { check: Check }): VNode {
  if (!check.ok) return <Badge kind="bad">failed</Badge>
  return check.status === 'warning' ? <Badge kind="warn">warning</Badge> : <Badge kind="ok">ok</Badge>
}

async function look(signal: AbortSignal): Promise<Seen> {
  const began = performance.now()
  const init: RequestInit = { signal, cache: 'no-store' }
  // Not through the client: a 503 is an answer here, not an error.
  const answer = await watched(`${base}/ready`, init)
  const took = (performance.now() - began) / 1000
  const ready = (await answer.json()) as { status?: string; checks?: Check[] }
  const health = (await (await watched(`${base}/health`, init)).json()) as { version?: string }
  return { ready: answer.status === 200, checks: ready.checks ?? [], version: health.version ?? '', took }
}

/** Whether the server can do its work, as its load balancer asks. */
export default function Health(): VNode {
  const { data, error, loading, refresh } = useResource(look, [], { every: EVERY })
  return (
    <Page title="Health" narrow actions={<Button icon="refresh" busy={loading && data !== undefined} onClick={refresh}>Ask again</Button>}>
      <p class="page-lead">What <code>/ready</code> of one worker says, asked every {EVERY} seconds while you look.</p>
      {error !== undefined && <ErrorNotice error={error} what="The server did not answer" retry={refresh} />}
      {data === undefined || error !== undefined ? error === undefined && <Loading /> : (
        <>
          <Notice kind={data.ready ? 'ok' : 'bad'} title={data.ready ? 'Ready for requests' : 'Not ready for requests'}>
            <div class="soft">AgentOS {visible(data.version)}, answered in {duration(data.took)}.</div>
          </Notice>
          <section class="panel" aria-label="Checks">
            <ul role="list">
              {data.checks.map(check => (
                <li class="setting setting-check" key={check.name}>
                  <div class="setting-name"><strong>{visible(check.name)}</strong></div>
                  <div class="setting-value soft">{visible(check.detail ?? '')}</div>
                  <div class="setting-source"><Outcome check={check} /></div>
                </li>
              ))}
            </ul>
          </section>
        </>
      )}
    </Page>
  )
}
