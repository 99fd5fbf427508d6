import type { Schemas } from '@agentos-server/client'
import type { ComponentChildren, VNode } from 'preact'
import { Copy } from '../kit/Copy'
import { plural, visible } from '../kit/format'
import { Json } from '../kit/Json'
import { Media } from './Media'

type RunDetail = Schemas['RunDetail']

/** What was said to the agent and what it answered, as text. */
export function InOut({ run }: { run: RunDetail }): VNode {
  return (
    <div class="stack stack-wide">
      <Section title="Input" copy={run.input}>
        <Text text={run.input} none="No text." />
        {run.media.length > 0 && <Media runId={run.run_id} media={run.media} />}
      </Section>
      {run.reasoning !== null && run.reasoning !== '' && (
        <details>
          <summary class="soft">Reasoning, {plural(run.reasoning.length, 'character')}</summary>
          <Text text={run.reasoning} none="" />
        </details>
      )}
      <Section title="Output" copy={run.content ?? ''}>
        <Text
          text={run.content ?? ''}
          none={run.ended_at === null ? 'Nothing yet: the record has it when the run has ended or pauses.' : 'No text.'}
        />
      </Section>
      {Object.keys(run.metadata).length > 0 && (
        <Section title="Metadata">
          <div class="panel panel-body">
            <Json value={run.metadata} />
          </div>
        </Section>
      )}
      {Object.keys(run.run_context).length > 0 && (
        <Section title="Run context">
          <div class="panel panel-body">
            <Json value={run.run_context} />
          </div>
        </Section>
      )}
    </div>
  )
}

function Section({ title, copy, children }: { title: string; copy?: string; children: ComponentChildren }): VNode {
  return (
    <section class="stack stack-tight">
      <div class="row">
        <h2>{title}</h2>
        {copy !== undefined && copy !== '' && <Copy text={copy} label={`Copy the ${title.toLowerCase()}`} />}
      </div>
      {children}
    </section>
  )
}

function Text({ text, none }: { text: string; none: string }): VNode {
  if (text === '') return <p class="faint">{none}</p>
  return (
    <pre class="code code-wrap run-text" tabIndex={0}>
      {visible(text)}
    </pre>
  )
}
