import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Runs(): VNode {
  return <Page title="Runs"><Empty icon="runs" title="This view is being built" /></Page>
}
