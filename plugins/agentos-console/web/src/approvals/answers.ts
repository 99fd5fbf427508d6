// What is answered to a pending action, who may, and what a refusal means.

export interface Action {
  id: string
  kind: 'approval' | 'input' | 'client_tool'
  tool_name: string
  tool_call_id: string
  arguments?: unknown
  message?: string
  schema?: Record<string, unknown>
  expires_at?: string
  approver?: 'owner' | 'other'
  on_expiry?: 'reject' | 'fail'
  remember?: boolean
  rule?: string
}
export interface Answer {
  id: string
  decision?: 'approve' | 'reject'
  arguments?: Record<string, unknown>
  message?: string
  remember?: 'session'
  output?: unknown
  error?: string
}

export const KINDS = { approval: 'Approval', input: 'Question', client_tool: 'Tool of the client' } as const

export function decisionOf(
  action: Action,
  decision: 'approve' | 'reject',
  given: { arguments?: Record<string, unknown> | undefined; message: string; remember: boolean },
): Answer {
  const edited = decision === 'approve' ? given.arguments : undefined
  const message = given.message.trim()
  return {
    id: action.id,
    decision,
    ...(edited === undefined ? {} : { arguments: edited }),
    ...(message === '' ? {} : { message }),
    // A decision about other arguments is about one call: the server refuses to remember it.
    ...(given.remember && edited === undefined && action.remember === true ? { remember: 'session' as const } : {}),
  }
}

/** Who asks for an approval, as words: `tool`, `agent`, `plugin:NAME`, several with commas. */
export function askedBy(rule: string | undefined): string {
  if (rule === undefined || rule === '') return ''
  const names = rule.split(',').map(one => {
    const name = one.trim()
    if (name === 'tool') return 'the tool'
    if (name === 'agent') return 'the agent'
    return name.startsWith('plugin:') ? `plugin ${name.slice('plugin:'.length)}` : name
  })
  return names.join(' and ')
}

/** Who may decide, where that is not everyone who sees it. */
export function whoMay(action: Action): string {
  if (action.kind !== 'approval') return 'The owner of the run answers.'
  return action.approver === 'other'
    ? 'Another person than the owner of the run decides.'
    : 'The owner of the run may decide.'
}

export function atExpiry(action: Action): string {
  if (action.kind === 'approval' && action.on_expiry === 'reject')
    return 'Without a decision in time, the call is rejected.'
  return 'Without an answer in time, the run fails.'
}

/** What a refused answer means to a person; undefined where the error's own words are best. */
export function refusal(code: string): { text: string; over: boolean } | undefined {
  switch (code) {
    case 'ALREADY_ANSWERED':
      return { text: 'It was answered before, and that answer counts.', over: true }
    case 'PENDING_EXPIRED':
      return { text: 'It was not answered in time.', over: true }
    case 'RUN_FINISHED':
    case 'RUN_CANCELLED':
      return { text: 'The run has ended, so it takes no answer.', over: true }
    default:
      return undefined
  }
}
