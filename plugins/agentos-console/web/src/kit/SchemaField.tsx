import type { VNode } from 'preact'
import { Checkbox, Select, TextArea, TextField } from './Field'
import { visible } from './format'
import { JsonField } from './JsonField'
import type { FormField } from './schema/fields'

interface SchemaFieldProps {
  field: FormField
  text: string
  problem: string | undefined
  onInput: (text: string) => void
}

/** The field of a form for one property of a schema. */
export function SchemaField({ field, text, problem, onInput }: SchemaFieldProps): VNode {
  const common = {
    label: visible(field.title),
    hint: field.help === '' ? undefined : visible(field.help),
    error: problem,
    optional: !field.required,
  }
  switch (field.kind) {
    case 'boolean':
      if (field.required || text !== '') {
        return (
          <Checkbox
            label={common.label}
            hint={common.hint}
            checked={text === 'true'}
            onChange={checked => onInput(String(checked))}
          />
        )
      }
      return (
        <Select
          {...common}
          value={text}
          options={[UNSET, { value: 'true', label: 'yes' }, { value: 'false', label: 'no' }]}
          onChange={onInput}
        />
      )
    case 'choice':
      return (
        <Select
          {...common}
          value={text}
          options={[
            UNSET,
            ...field.choices.map((choice, at) => ({
              value: String(at),
              label: visible(typeof choice === 'string' ? choice : String(choice)),
            })),
          ]}
          onChange={onInput}
        />
      )
    case 'long':
      return <TextArea {...common} rows={3} value={text} onInput={onInput} />
    case 'texts':
      return <TextArea {...common} rows={2} hint={common.hint ?? 'One a line.'} value={text} onInput={onInput} />
    case 'numbers':
      return (
        <TextArea
          {...common}
          rows={2}
          hint={common.hint ?? 'Numbers, one a line or with commas.'}
          value={text}
          onInput={onInput}
        />
      )
    case 'json':
      return (
        <JsonField
          label={common.label}
          hint={common.hint}
          optional={common.optional}
          error={problem}
          value={text}
          rows={2}
          onInput={onInput}
        />
      )
    case 'number':
    case 'integer':
      return (
        <TextField
          {...common}
          inputMode={field.kind === 'integer' ? 'numeric' : 'decimal'}
          value={text}
          onInput={onInput}
        />
      )
    default:
      return <TextField {...common} value={text} onInput={onInput} />
  }
}

const UNSET = { value: '', label: '—' }
