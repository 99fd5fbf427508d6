// A session as a file, read through the same pages as everything else: as JSON with all of it, or as Markdown to read.
import { client } from '../app/session'
import { saveBlob } from '../chat/Media'
import type { History, Message, RunRecord, Session } from '../chat/types'
import { tell, tellError } from '../kit/toast'

/** Messages of a page. */
const PAGE = 500

/** The whole transcript, oldest first. */
export async function readAll(sessionId: string): Promise<{ messages: Message[]; runs: RunRecord[] }> {
  const messages: Message[] = []
  const runs = new Map<string, RunRecord>()
  let before: number | undefined
  do {
    const query = { num_messages: PAGE, ...(before === undefined ? {} : { before }) }
    const { data } = await client().request<History>('GET', `/api/v1/sessions/${encodeURIComponent(sessionId)}/history`, { query })
    messages.unshift(...data.messages)
    for (const run of [...data.runs].reverse()) if (!runs.has(run.run_id)) runs.set(run.run_id, run)
    before = data.next_before
  } while (before !== undefined)
  return { messages, runs: [...runs.values()].reverse() }
}

/** Read a session and have the browser save it. */
export async function exportSession(session: Session, form: 'json' | 'markdown'): Promise<void> {
  try {
    const { messages, runs } = await readAll(session.session_id)
    const name = session.name || `session ${session.session_id.slice(0, 12)}`
    if (form === 'json') {
      const text = JSON.stringify({ session, messages, runs }, null, 2)
      saveBlob(new Blob([text], { type: 'application/json' }), `${name}.json`)
    } else saveBlob(new Blob([asMarkdown(session, messages, runs)], { type: 'text/markdown' }), `${name}.md`)
    tell('The session is exported.')
  } catch (error) {
    tellError(error, 'The session was not exported')
  }
}

const WHO: Readonly<Record<Message['role'], string>> = { user: 'User', assistant: 'Assistant', system: 'System', tool: 'Tool' }

/** A transcript for people. */
export function asMarkdown(session: Session, messages: readonly Message[], runs: readonly RunRecord[]): string {
  const lines = [`# ${oneLine(session.name || 'Untitled session')}`, '', `Agent ${session.agent_id}, ${session.created_at}, session ${session.session_id}`, '']
  const byId = new Map(runs.map(run => [run.run_id, run]))
  const said = new Set<string>()
  for (const message of messages) {
    said.add(message.run_id)
    if (message.role === 'tool') lines.push('Result:', '', ...fenced(message.content), '')
    else lines.push(`## ${WHO[message.role]}`, '', ...(message.content ? [message.content, ''] : []))
    for (const one of message.media ?? []) lines.push(`- ${oneLine(one.name ?? one.url ?? one.type)} (${one.content_type ?? one.type})`, '')
    for (const call of message.tool_calls ?? []) lines.push(`Calls the tool \`${oneLine(call.name)}\`:`, '', ...fenced(call.arguments), '')
  }
  for (const run of runs.filter(one => !said.has(one.run_id))) {
    lines.push('## User', '', run.input, '', `Run ${run.run_id} ${run.status}${run.error ? `: ${run.error.message} (${run.error.code})` : ''}`, '')
  }
  const tokens = [...byId.values()].reduce((sum, run) => sum + run.usage.total_tokens, 0)
  lines.push(`${runs.length} runs, ${tokens} tokens`)
  return lines.join('\n') + '\n'
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** A block of code with a fence that its text cannot end. */
function fenced(text: string): string[] {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(run => run.length))
  const fence = '`'.repeat(longest + 1)
  return [fence, text, fence]
}
