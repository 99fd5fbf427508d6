import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Tools(): VNode {
  return <Page title="Tools"><Empty icon="tools" title="This view is being built" /></Page>
}
