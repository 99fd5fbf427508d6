import type { VNode } from 'preact'
import { Empty } from '../kit/Notice'
import { Page } from '../kit/Page'

/** A place for the view, until it is there. */
export default function Keys(): VNode {
  return <Page title="Keys"><Empty icon="keys" title="This view is being built" /></Page>
}
