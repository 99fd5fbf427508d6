import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Models(): VNode {
  return <Page title="Models"><Empty icon="models" title="This view is being built" /></Page>
}
