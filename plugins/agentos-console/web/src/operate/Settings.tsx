import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Settings(): VNode {
  return <Page title="Settings"><Empty icon="settings" title="This view is being built" /></Page>
}
