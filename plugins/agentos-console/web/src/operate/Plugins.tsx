import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Plugins(): VNode {
  return <Page title="Plugins"><Empty icon="plugins" title="This view is being built" /></Page>
}
