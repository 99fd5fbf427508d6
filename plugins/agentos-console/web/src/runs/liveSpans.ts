// The calls of a live run, told from its events.

import type { RunTimes, Span, TimedEvent } from './spans'

/**
 * Tell model calls and tool calls of a live run from its events. A model call begins where the run starts, where the
 * last tool of a step ended, and where the run resumed; it ends at its first tool call or with the run.
 */
export function liveSpans(run: RunTimes, events: readonly TimedEvent[], total: number): Span[] {
  const created = Date.parse(run.created_at)
  const spans: Span[] = []
  const tools = new Map<string, Span>()
  let model: Span | undefined
  const begin = (at: number) => {
    model = { key: `model-${spans.length}`, kind: 'model', label: 'model', status: 'started', start: at, end: total }
    spans.push(model)
  }
  const end = (at: number, status: Span['status'] = 'completed') => {
    if (model !== undefined) Object.assign(model, { end: at, status })
    model = undefined
  }
  for (const event of events) {
    const at = (Date.parse(event.timestamp) - created) / 1000
    switch (event.type) {
      case 'run_start':
        end(at, 'failed')
        for (const span of tools.values()) Object.assign(span, { end: at, status: 'failed' })
        tools.clear()
        begin(Math.max(at, startedAt(run, created)))
        break
      case 'token':
      case 'reasoning':
        if (model === undefined) begin(at)
        if (model !== undefined && model.firstToken === undefined) model.firstToken = Math.max(0, at - model.start)
        break
      case 'tool_call':
        toolEvent(event, at, tools, spans, total, () => end(at))
        if (event.data['status'] !== 'started' && tools.size === 0) begin(at)
        break
      case 'paused':
        end(at)
        break
      case 'resumed':
        if (model === undefined && tools.size === 0) begin(at)
        break
      case 'complete':
        end(at)
        break
      case 'error':
        end(at, 'failed')
        break
    }
  }
  return spans.filter(span => span.kind === 'tool' || span.status !== 'completed' || span.end - span.start >= 0.001)
}

function startedAt(run: RunTimes, created: number): number {
  return run.started_at === null ? 0 : (Date.parse(run.started_at) - created) / 1000
}

function toolEvent(
  event: TimedEvent,
  at: number,
  tools: Map<string, Span>,
  spans: Span[],
  total: number,
  endModel: () => void,
): void {
  const id = String(event.data['tool_call_id'] ?? '')
  const status = event.data['status']
  if (status === 'started') {
    endModel()
    const label = String(event.data['tool_name'] ?? 'tool')
    const span: Span = {
      key: `tool-${spans.length}`,
      kind: 'tool',
      label,
      status: 'started',
      start: at,
      end: total,
      toolCallId: id,
    }
    tools.set(id, span)
    spans.push(span)
    return
  }
  const open = tools.get(id)
  if (open !== undefined) Object.assign(open, { end: at, status: status === 'failed' ? 'failed' : 'completed' })
  tools.delete(id)
}
