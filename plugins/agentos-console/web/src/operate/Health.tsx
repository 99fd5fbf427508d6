import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Health(): VNode {
  return <Page title="Health"><Empty icon="health" title="This view is being built" /></Page>
}
