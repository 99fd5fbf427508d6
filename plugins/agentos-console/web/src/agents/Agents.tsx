// Agents: the list, one of them with its versions, and a new one.
import type { VNode } from 'preact'
import { route } from '../app/router'
import { AgentList } from './AgentList'
import { AgentPage } from './AgentPage'
import { NewAgent } from './NewAgent'

export default function Agents(): VNode {
  const { params, query } = route.value
  const id = params['agent']
  if (id !== undefined) return <AgentPage key={id} id={id} />
  if (query.has('new') || query.has('copy')) return <NewAgent key={query.get('copy')} copy={query.get('copy')} />
  return <AgentList />
}
