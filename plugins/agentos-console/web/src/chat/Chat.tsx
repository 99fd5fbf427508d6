import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Chat(): VNode {
  return <Page title="Chat"><Empty icon="chat" title="This view is being built" /></Page>
}
