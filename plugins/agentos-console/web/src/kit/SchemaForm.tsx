import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from './Button'
import { Checkbox, Select, TextArea, TextField } from './Field'
import { visible } from './format'
import { JsonField, parseJson } from './Json'
import { fitsForm, kindOf, resolve, type JsonSchema } from './schema'

interface SchemaFormProps {
  schema: JsonSchema
  value: unknown
  /** The value; undefined while the JSON cannot be read. */
  onChange: (value: unknown) => void
  /** What is wrong, by field. */
  errors?: Readonly<Record<string, string>>
  /** The name of the whole, for the JSON. */
  label?: string
  disabled?: boolean
}

/** A form from a JSON schema; what has no form, and who prefers it, gets the JSON. */
export function SchemaForm({ schema, value, onChange, errors = {}, label = 'Arguments', disabled = false }: SchemaFormProps): VNode {
  const possible = fitsForm(schema) && isObject(value)
  const [asJson, setAsJson] = useState(!possible)
  const [text, setText] = useState(() => JSON.stringify(value, null, 2))
  if (asJson || !possible) {
    return (
      <div class="stack">
        <JsonField
          label={label}
          text={text}
          disabled={disabled}
          onInput={changed => {
            setText(changed)
            onChange(parseJson(changed).value)
          }}
        />
        {fitsForm(schema) && isObject(value) && <div><Button kind="quiet" small onClick={() => setAsJson(false)}>Edit as a form</Button></div>}
      </div>
    )
  }
  return (
    <div class="stack">
      {Object.keys(schema.properties ?? {}).length === 0 && <p class="soft">There is nothing to fill in.</p>}
      <Fields schema={schema} root={schema} value={value} onChange={onChange} errors={errors} disabled={disabled} depth={0} />
      <div>
        <Button
          kind="quiet"
          small
          icon="braces"
          onClick={() => {
            setText(JSON.stringify(value, null, 2))
            setAsJson(true)
          }}
        >
          Edit as JSON
        </Button>
      </div>
    </div>
  )
}

interface FieldsProps {
  schema: JsonSchema
  root: JsonSchema
  value: Record<string, unknown>
  onChange: (value: Record<string, unknown>) => void
  errors: Readonly<Record<string, string>>
  disabled: boolean
  depth: number
}

function Fields({ schema, root, value, onChange, errors, disabled, depth }: FieldsProps): VNode {
  const required = new Set(schema.required ?? [])
  return (
    <>
      {Object.entries(schema.properties ?? {}).map(([name, raw]) => (
        <OneField
          key={name}
          name={name}
          schema={resolve(raw, root)}
          root={root}
          value={value[name]}
          required={required.has(name)}
          error={errors[name]}
          disabled={disabled}
          depth={depth}
          onChange={changed => {
            const next = { ...value }
            if (changed === undefined) delete next[name]
            else next[name] = changed
            onChange(next)
          }}
        />
      ))}
    </>
  )
}

interface OneFieldProps {
  name: string
  schema: JsonSchema
  root: JsonSchema
  value: unknown
  required: boolean
  error: string | undefined
  disabled: boolean
  depth: number
  onChange: (value: unknown) => void
}

function OneField({ name, schema, root, value, required, error, disabled, depth, onChange }: OneFieldProps): VNode {
  const common = { label: visible(name), hint: schema.description && visible(schema.description), error, optional: !required, disabled }
  switch (kindOf(schema, root, depth)) {
    case 'text':
      return <TextField {...common} value={typeof value === 'string' ? value : ''} onInput={text => onChange(text === '' && !required ? undefined : text)} />
    case 'long':
      return <TextArea {...common} value={typeof value === 'string' ? value : ''} onInput={text => onChange(text === '' && !required ? undefined : text)} />
    case 'integer':
    case 'number':
      return (
        <TextField {...common} type="number" step={schema.type === 'integer' ? 1 : 'any'} min={schema.minimum} max={schema.maximum} value={typeof value === 'number' ? String(value) : ''} onInput={text => onChange(text === '' ? undefined : Number(text))} />
      )
    case 'boolean':
      return <Checkbox label={visible(name)} hint={common.hint} checked={value === true} disabled={disabled} onChange={onChange} />
    case 'choice': {
      const choices = schema.enum ?? []
      const options = choices.map((one, index) => ({ value: String(index), label: visible(String(one)) }))
      const chosen = choices.indexOf(value)
      return (
        <Select {...common} value={chosen < 0 ? '' : String(chosen)} options={required && chosen >= 0 ? options : [{ value: '', label: '–' }, ...options]} onChange={index => onChange(index === '' ? undefined : choices[Number(index)])} />
      )
    }
    case 'list':
      return (
        <TextArea {...common} hint={<>{common.hint} One on each line.</>} value={Array.isArray(value) ? value.join('\n') : ''} onInput={text => onChange(text === '' ? (required ? [] : undefined) : text.split('\n'))} />
      )
    case 'object':
      return (
        <fieldset class="stack schema-group">
          <legend class="field-label">{visible(name)}</legend>
          {common.hint && <div class="field-hint">{common.hint}</div>}
          <Fields schema={schema} root={root} value={isObject(value) ? value : {}} errors={{}} disabled={disabled} depth={depth + 1} onChange={onChange} />
        </fieldset>
      )
    case 'json':
      return <RawField {...common} value={value} required={required} onChange={onChange} />
  }
}

interface RawFieldProps {
  label: string
  hint?: string | undefined
  error?: string | undefined
  value: unknown
  required: boolean
  disabled: boolean
  onChange: (value: unknown) => void
}

function RawField({ label, hint, error, value, required, disabled, onChange }: RawFieldProps): VNode {
  const [text, setText] = useState(() => (value === undefined ? '' : JSON.stringify(value, null, 2)))
  const wrong = text === '' ? undefined : parseJson(text).error
  return (
    <TextArea
      label={label}
      hint={hint ?? 'JSON.'}
      error={error ?? wrong}
      optional={!required}
      disabled={disabled}
      code
      value={text}
      onInput={changed => {
        setText(changed)
        onChange(changed === '' ? undefined : parseJson(changed).value)
      }}
    />
  )
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
