// Whether the person at this page may answer, and why not. The server decides again.
import { may, missing, rights } from '../app/rights'
import type { Action } from './answers'

/** Why an action cannot be answered here; undefined where it can. */
export function reasonAgainst(action: Action, agentId: string, owner: string | undefined): string | undefined {
  if (action.kind !== 'approval') return missing(`agents:run:${agentId}`)
  const scope = missing('runs:approve')
  if (scope !== undefined) return scope
  if (action.approver !== 'other') return undefined
  if (rights.value?.authentication === 'off') {
    return 'Another person has to decide. This server asks for no keys and cannot tell people apart, so it is decided at the command line.'
  }
  const isMine = owner !== undefined && owner === rights.value?.owner
  return isMine ? 'The run is yours, and another person than its owner has to decide.' : undefined
}

/** Whether the run of an owner can be looked at. An approver of other owners' runs sees what they wait for alone. */
export const seesRunsOf = (owner: string): boolean =>
  may('runs:read') && (owner === rights.value?.owner || may('admin'))

/** The command that decides where no person at a page can; undefined where one can. */
export const commandFor = (action: Action): string | undefined =>
  action.kind === 'approval' && action.approver === 'other' && rights.value?.authentication === 'off'
    ? `agentos approvals approve ${action.id}`
    : undefined
