import { Component, type ComponentChildren, type ComponentType, type VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { Empty, ErrorNotice, Loading, Notice } from '../kit/Notice'
import { Page } from '../kit/Page'
import { connection, restored } from './connection'
import { missing, rights } from './rights'
import { Link } from './router'
import { isOpen, type View } from './views'

const loaded = new Map<View, ComponentType>()

/** Loads a view's chunk and shows it. A view that breaks does not take the shell with it. */
export function ViewHost({ view }: { view: View | undefined }): VNode {
  const [failed, setFailed] = useState<unknown>(null)
  const [, draw] = useState(0)
  const load = (): void => {
    if (view === undefined || loaded.has(view)) return
    setFailed(null)
    view.load().then(
      found => {
        loaded.set(view, found.default)
        draw(count => count + 1)
      },
      (error: unknown) => setFailed(error),
    )
  }
  useEffect(load, [view, restored.value])

  if (view === undefined) {
    return <Page title="Not found"><Empty icon="search" title="There is no such page" actions={<Link to="/chat" class="button">Go to the chat</Link>}>The address names nothing that this console has.</Empty></Page>
  }
  if (view.needs !== undefined && !isOpen(view)) return <Page title={view.title}><Closed view={view} /></Page>
  const Found = loaded.get(view)
  if (Found !== undefined) return <Guard key={view.title}><Found /></Guard>
  if (failed !== null) {
    if (connection.value === 'offline') return <Page title={view.title}><ErrorNotice error={failed} /></Page>
    // The usual reason: the server was updated, and the chunks of this page's version are gone.
    return (
      <div class="page-body">
        <Notice kind="bad" title={`${view.title} could not be loaded`} actions={<><Button small icon="retry" onClick={load}>Try again</Button><Button small icon="refresh" onClick={() => location.reload()}>Reload the page</Button></>}>
          <div>The server may have been updated since this page was opened.</div>
        </Notice>
      </div>
    )
  }
  return <Loading what={`Loading ${view.title}`} />
}

/** A view that this credential may not see, and what to do about it. */
function Closed({ view }: { view: View }): VNode {
  return (
    <Empty icon="lock" title={`${view.title} cannot be shown`}>
      {rights.value?.authentication === 'off' ? (
        <>
          <p>This server asks for no key, and this needs one. To use keys, set <code>AGENTOS_AUTH=api_key</code>, make the first one, and start the server again:</p>
          <pre class="code code-wrap">flask agentos keys create me --scope admin</pre>
        </>
      ) : missing(view.needs?.[0] ?? '')}
    </Empty>
  )
}

/** Catches what a view throws while it is drawn. */
class Guard extends Component<{ children: ComponentChildren }, { error: unknown }> {
  override state = { error: null as unknown }

  static override getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error }
  }

  override componentDidCatch(error: unknown): void {
    console.error(error)
  }

  override render(): ComponentChildren {
    if (this.state.error === null) return this.props.children
    return (
      <div class="page-body">
        <ErrorNotice error={this.state.error} what="This view broke" retry={() => this.setState({ error: null })} />
      </div>
    )
  }
}
