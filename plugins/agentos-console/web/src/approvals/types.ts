import type { Action } from './answers'

/** One thing that waits, with the run that waits for it. */
export interface WaitingAction extends Action {
  run_id: string
  agent_id: string
  owner: string
  session_id: string | null
  user_id: string | null
  created_at: string
}

export interface GivenAnswer {
  decision?: 'approve' | 'reject'
  edited_arguments?: Record<string, unknown>
  message?: string
  output?: unknown
  error?: string
  remember?: 'session'
  answered_by?: string
  answered_as?: 'owner' | 'other'
  answered_at?: string
  address?: string
}

export interface AnsweredAction extends WaitingAction {
  answer?: GivenAnswer
}

/** A decision that holds for later calls of a session. */
export interface Rule {
  id: string
  owner: string
  session_id: string
  agent_id: string
  tool: string
  rule: string
  decision: 'approve' | 'reject'
  message?: string
  answered_by: string
  answered_as: 'owner' | 'other'
  answered_at: string
  address?: string
  run_id: string
  action_id: string
}
