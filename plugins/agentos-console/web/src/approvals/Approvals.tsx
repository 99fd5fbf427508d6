import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Approvals(): VNode {
  return <Page title="Approvals"><Empty icon="approvals" title="This view is being built" /></Page>
}
