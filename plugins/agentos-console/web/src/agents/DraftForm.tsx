import type { Schemas } from '@agentos-server/client'
import type { ComponentChildren, VNode } from 'preact'
import { useId } from 'preact/hooks'
import { Checkbox, Select, TextArea, TextField } from '../kit/Field'
import { count } from '../kit/format'
import { JsonField } from '../kit/JsonField'
import { useGet } from '../kit/useResource'
import type { Draft, Problems } from './draft'
import { ToolChoice } from './ToolChoice'

interface DraftFormProps {
  draft: Draft
  problems: Problems
  onChange: (changes: Partial<Draft>) => void
  isNew?: boolean
}

/** The fields of a stored agent. */
export function DraftForm({ draft, problems, onChange, isNew = false }: DraftFormProps): VNode {
  const set =
    <Name extends keyof Draft>(name: Name) =>
    (value: Draft[Name]): void =>
      onChange({ [name]: value } as Partial<Draft>)
  const says = (name: keyof Draft): string | undefined =>
    problems[name] === undefined ? undefined : sentence(problems[name])
  return (
    <>
      <Group title="Who it is">
        {isNew && (
          <TextField
            label="Id"
            hint="Its address in the API. It cannot be changed later."
            placeholder="travel-guide"
            value={draft.id}
            error={says('id')}
            onInput={set('id')}
            autocapitalize="off"
            spellcheck={false}
          />
        )}
        <TextField
          label="Name"
          optional
          hint="For people. Without one, the id is shown."
          value={draft.name}
          error={says('name')}
          maxLength={255}
          onInput={set('name')}
        />
        <TextArea
          label="Description"
          optional
          rows={1}
          value={draft.description}
          error={says('description')}
          maxLength={4096}
          onInput={set('description')}
        />
      </Group>
      <Group title="What it does">
        <div class="agent-model">
          <ModelField draft={draft} error={says('model')} onInput={set('model')} />
          <TextField
            label="Temperature"
            optional
            inputMode="decimal"
            value={draft.temperature}
            error={says('temperature')}
            onInput={set('temperature')}
          />
        </div>
        <TextArea
          label="Instructions"
          optional
          rows={6}
          class="agent-instructions"
          hint={
            draft.instructions === ''
              ? 'What the model is told before the conversation.'
              : `${count(draft.instructions.length)} characters`
          }
          value={draft.instructions}
          error={says('instructions')}
          onInput={set('instructions')}
        />
      </Group>
      <ToolChoice draft={draft} problems={problems} onChange={onChange} />
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
      <TextField
        label="Comment"
        optional
        hint="What this change is for. It is kept with the version."
        value={draft.comment}
        error={says('comment')}
        maxLength={1000}
        onInput={set('comment')}
      />
    </>
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

const sentence = (words: string): string => {
  const text = words.charAt(0).toUpperCase() + words.slice(1)
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function Group({ title, children }: { title: string; children: ComponentChildren }): VNode {
  return (
    <fieldset class="stack">
      <legend class="agent-legend">{title}</legend>
      {children}
    </fieldset>
  )
}

function ModelField({
  draft,
  error,
  onInput,
}: {
  draft: Draft
  error: string | undefined
  onInput: (model: string) => void
}): VNode {
  const models = useGet<Schemas['ModelList']>('/api/v1/models')
  const id = useId()
  return (
    <>
      <TextField
        label="Model"
        list={`${id}-models`}
        placeholder="openai:gpt-5-mini"
        hint={
          models.data?.count === 0
            ? 'A provider and a model. No plugin names models.'
            : 'A provider and a model. A provider may serve more than are listed.'
        }
        value={draft.model}
        error={error}
        onInput={onInput}
        autocapitalize="off"
        spellcheck={false}
      />
      <datalist id={`${id}-models`}>
        {models.data?.models.map(model => (
          <option key={model.id} value={model.id}>
            {model.source}
          </option>
        ))}
      </datalist>
    </>
  )
}

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
