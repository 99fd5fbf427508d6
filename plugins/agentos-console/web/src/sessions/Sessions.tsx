import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Sessions(): VNode {
  return <Page title="Sessions"><Empty icon="sessions" title="This view is being built" /></Page>
}
