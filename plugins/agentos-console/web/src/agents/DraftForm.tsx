import type { Schemas } from '@agentos-server/client'
import type { ComponentChildren, VNode } from 'preact'
import { useId } from 'preact/hooks'
import { TextArea, TextField } from '../kit/Field'
import { count } from '../kit/format'
import { useGet } from '../kit/useResource'
import type { Draft, Problems } from './draft'
import { MoreSettings } from './MoreSettings'
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
      <MoreSettings draft={draft} problems={problems} says={says} onChange={onChange} />
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
