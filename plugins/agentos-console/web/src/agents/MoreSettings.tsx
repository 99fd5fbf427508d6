import type { VNode } from 'preact'
import { Checkbox, Select, TextArea, TextField } from '../kit/Field'
import { JsonField } from '../kit/JsonField'
import type { Draft, Problems } from './draft'

interface MoreSettingsProps {
  draft: Draft
  problems: Problems
  /** What is wrong with a field, as a sentence. */
  says: (name: keyof Draft) => string | undefined
  onChange: (changes: Partial<Draft>) => void
}

/** What most agents leave as it is. */
export function MoreSettings({ draft, problems, says, onChange }: MoreSettingsProps): VNode {
  const set =
    <Name extends keyof Draft>(name: Name) =>
    (value: Draft[Name]): void =>
      onChange({ [name]: value } as Partial<Draft>)
  return (
    <details class="agent-more" open={hasMore(problems)}>
      <summary>More settings</summary>
      <div class="stack agent-more-body">
        <JsonField
          label="Parameters"
          optional
          hint="Other fields of the model's request, as a JSON object."
          rows={2}
          value={draft.parameters}
          error={says('parameters')}
          onInput={set('parameters')}
        />
        <JsonField
          label="Output schema"
          optional
          hint="The JSON schema that its answers follow."
          rows={2}
          value={draft.outputSchema}
          error={says('outputSchema')}
          onInput={set('outputSchema')}
        />
        <div class="agent-numbers">
          <TextField
            label="Output retries"
            optional
            hint="0 to 3"
            inputMode="numeric"
            value={draft.outputRetries}
            error={says('outputRetries')}
            onInput={set('outputRetries')}
          />
          <TextField
            label="Turns of history"
            optional
            hint="that the model is given"
            inputMode="numeric"
            value={draft.historyTurns}
            error={says('historyTurns')}
            onInput={set('historyTurns')}
          />
          <TextField
            label="Model calls"
            optional
            hint="at most in one run"
            inputMode="numeric"
            value={draft.maxTurns}
            error={says('maxTurns')}
            onInput={set('maxTurns')}
          />
          <Select
            label="While a run is under way"
            hint="what a next one of its session does"
            value={draft.concurrency}
            onChange={set('concurrency')}
            options={CONCURRENCY}
          />
        </div>
        <Overrides draft={draft} error={says('allowOverrides')} onChange={onChange} />
        <Checkbox
          label="Continue on another worker when its worker is lost"
          hint="The tools of the step that was under way may then act twice."
          checked={draft.retryOnCrash}
          onChange={set('retryOnCrash')}
        />
        <JsonField
          label="Metadata"
          optional
          hint="Your own values, kept with it."
          rows={2}
          value={draft.metadata}
          error={says('metadata')}
          onInput={set('metadata')}
        />
      </div>
    </details>
  )
}

const CONCURRENCY = [
  { value: '', label: 'waits for its turn (default)' },
  { value: 'enqueue', label: 'waits for its turn' },
  { value: 'reject', label: 'is refused' },
  { value: 'interrupt', label: 'interrupts it' },
  { value: 'rollback', label: 'takes its place' },
]

const MORE = [
  'parameters',
  'outputSchema',
  'outputRetries',
  'historyTurns',
  'maxTurns',
  'concurrency',
  'allowOverrides',
  'metadata',
] as const

const hasMore = (problems: Problems): boolean => MORE.some(name => problems[name] !== undefined)

interface OverridesProps {
  draft: Draft
  error: string | undefined
  onChange: (changes: Partial<Draft>) => void
}

/** What a run may do differently: the server's default, or names of the agent's own. */
function Overrides({ draft, error, onChange }: OverridesProps): VNode {
  const own = draft.allowOverrides
  return (
    <div class="stack stack-tight">
      <Checkbox
        label="Own list of what a run may override"
        hint="Without it: temperature, top_p, stop, seed, output limits, output_schema and client_tools."
        checked={own !== null}
        onChange={checked => onChange({ allowOverrides: checked ? [] : null })}
      />
      {own !== null && (
        <TextArea
          label="May be overridden"
          hideLabel
          code
          rows={2}
          hint="One name a line. Empty: nothing."
          value={own.join('\n')}
          error={error}
          onInput={text => onChange({ allowOverrides: text === '' ? [] : text.split('\n').map(line => line.trim()) })}
        />
      )}
    </div>
  )
}
