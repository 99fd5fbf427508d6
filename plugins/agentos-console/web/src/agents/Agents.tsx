import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Agents(): VNode {
  return <Page title="Agents"><Empty icon="agents" title="This view is being built" /></Page>
}
