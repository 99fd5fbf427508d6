import type { VNode } from 'preact'
import { Pending } from '../approvals/Pending'
import { Link } from '../app/router'
import { Copy } from '../kit/Copy'
import { count, duration, shortId, visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { Json } from '../kit/Json'
import { Notice } from '../kit/Notice'
import { Markdown } from '../text/Markdown'
import { Failure } from './Failure'
import type { NotePart, Part } from './parts'
import { Reasoning } from './Reasoning'
import { ToolCall } from './ToolCall'
import type { Turn } from './turn'

interface AnswerProps {
  turn: Turn
  agentName: string
  owner: string | undefined
  /** It waits behind another run of the session. */
  isQueued: boolean
  onRetry: (() => unknown) | undefined
  onInterrupt: (() => unknown) | undefined
}

/** What a run said and did, what it waits for, how it ended. */
export function Answer({ turn, agentName, owner, isQueued, onRetry, onInterrupt }: AnswerProps): VNode {
  const { state } = turn
  const parts = state.parts.value
  const status = state.status.value
  const failure = state.failure.value
  const runId = turn.runId.value
  const last = parts.findLast(part => part.kind === 'text')
  const isPaused = status === 'paused'
  const isLive = status === 'running' || status === 'sending' || status === 'queued'
  return (
    <article class="chat-answer" aria-label={`Answer of ${agentName}`} aria-busy={isLive || undefined}>
      {groups(parts).map(group => group.length === 1 ? <One key={group[0]!.key} part={group[0]!} isAnswer={group[0] === last} isPaused={isPaused} /> : (
        <div key={group[0]!.key} class="steps">{group.map(part => <One key={part.key} part={part} isAnswer={false} isPaused={isPaused} />)}</div>
      ))}
      {state.pending.value.map(action => (
        <Pending key={action.id} runId={runId ?? ''} agentId={turn.agentId} owner={owner} action={action} onDone={() => turn.refreshPending()} />
      ))}
      {isLive && <Progress turn={turn} isQuiet={parts.length > 0} isQueued={isQueued} />}
      {status === 'cancelled' && <p class="chat-ended"><Icon name="stop" size={14} /> Stopped</p>}
      <Cut turn={turn} />
      {failure && <Failure failure={failure} runId={runId} onRetry={onRetry} onInterrupt={onInterrupt} />}
      {!isLive && <Foot turn={turn} parts={parts} />}
    </article>
  )
}

/** Calls of tools that follow each other stand together. */
function groups(parts: readonly Part[]): Part[][] {
  const found: Part[][] = []
  for (const part of parts) {
    const last = found.at(-1)
    const isStep = part.kind === 'tool' || part.kind === 'reasoning'
    const follows = last?.[0] && (last[0].kind === 'tool' || last[0].kind === 'reasoning')
    if (isStep && follows) last.push(part)
    else found.push([part])
  }
  return found
}

function One({ part, isAnswer, isPaused }: { part: Part; isAnswer: boolean; isPaused: boolean }): VNode {
  switch (part.kind) {
    case 'text':
      return <div data-part={isAnswer ? 'answer' : 'text'}><Markdown text={part.content} /></div>
    case 'reasoning':
      return <Reasoning part={part} />
    case 'tool':
      return <ToolCall part={part} isPaused={isPaused} />
    case 'note':
      return <Note part={part} />
  }
}

function Note({ part }: { part: NotePart }): VNode {
  if (part.data === undefined) return <p class="chat-note">{visible(part.text)}</p>
  const text = JSON.stringify(part.data) ?? ''
  return <div class="chat-note"><span class="mono">{visible(part.text)}</span> {text.length < 120 ? <span class="mono faint">{visible(text)}</span> : <Json value={part.data} open={0} />}</div>
}

function Progress({ turn, isQuiet, isQueued }: { turn: Turn; isQuiet: boolean; isQueued: boolean }): VNode {
  const text = progress(turn, isQueued)
  return (
    <div class="chat-progress">
      <span class="chat-dots" aria-hidden="true"><i /><i /><i /></span>
      {text !== '' ? <span>{text}</span> : !isQuiet && <span class="sr-only">Answering</span>}
    </div>
  )
}

function progress(turn: Turn, isQueued: boolean): string {
  if (turn.stopping.value) return 'Stopping…'
  if (turn.reconnecting.value) return 'The connection is lost. Connecting again…'
  if (turn.state.status.value === 'sending') return 'Sending…'
  return isQueued ? 'It waits until the run before it has ended.' : ''
}

const CUT: Readonly<Record<string, string>> = {
  length: 'The answer is cut: it reached the limit of the output.',
  content_filter: 'The answer is cut: the provider’s filter stopped it.',
}

function Cut({ turn }: { turn: Turn }): VNode | null {
  const text = CUT[turn.state.facts.value.finishReason ?? '']
  return text === undefined ? null : <Notice kind="warn">{text}</Notice>
}

function Foot({ turn, parts }: { turn: Turn; parts: readonly Part[] }): VNode {
  const { usage, model, duration: took } = turn.state.facts.value
  const runId = turn.runId.value
  const text = parts.map(part => (part.kind === 'text' ? part.content.text : '')).filter(Boolean).join('\n\n')
  return (
    <footer class="chat-foot">
      {text !== '' && <Copy text={text} label="Copy the answer" />}
      {model !== null && <span class="clip">{visible(model)}</span>}
      {usage !== null && usage.total_tokens > 0 && (
        <span title={`${count(usage.prompt_tokens)} read${usage.cached_tokens ? `, ${count(usage.cached_tokens)} of them cached` : ''}; ${count(usage.completion_tokens)} written${usage.reasoning_tokens ? `, ${count(usage.reasoning_tokens)} of them reasoning` : ''}`}>
          {count(usage.prompt_tokens)} → {count(usage.completion_tokens)} tokens
        </span>
      )}
      {took !== null && <span>{duration(took)}</span>}
      {runId !== null && <Link to={`/runs/${encodeURIComponent(runId)}`} class="mono" title={`Run ${visible(runId)}`}>run {shortId(runId)}</Link>}
    </footer>
  )
}
