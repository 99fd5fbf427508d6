// Runs: the list, and one of them.
import type { VNode } from 'preact'
import { route } from '../app/router'
import { RunList } from './RunList'
import { RunPage } from './RunPage'

export default function Runs(): VNode {
  const id = route.value.params['run']
  return id === undefined ? <RunList /> : <RunPage key={id} id={id} />
}
