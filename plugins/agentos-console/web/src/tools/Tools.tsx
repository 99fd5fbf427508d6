// Tools: the list, and one of them with its schema, to call by hand.
import type { VNode } from 'preact'
import { route } from '../app/router'
import { ToolList } from './ToolList'
import { ToolPage } from './ToolPage'

export default function Tools(): VNode {
  const name = route.value.params['tool']
  return name === undefined ? <ToolList /> : <ToolPage key={name} name={name} />
}
