// A form made from a JSON schema, or a JSON editor where the schema or the value is too rich for a form.
import type { VNode } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { Button } from './Button'
import { JsonField, readJson } from './JsonField'
import { SchemaField } from './SchemaField'
import { check } from './schema/check'
import { exampleOf, fieldsOf, SINGLE, singleField, startOf, type FormField } from './schema/fields'
import { canShow, entriesOf, valueOf, type Entries } from './schema/form'
import { jsonText } from './schema/text'
import type { Json } from './schema/values'

/** What a form means now: a value that fits, or undefined. */
export type FormResult = { value: Json } | undefined

interface SchemaFormProps {
  /** What the JSON editor is called. */
  jsonLabel?: string
  schema: unknown
  /** What it begins with; absent: the schema's defaults. */
  value?: unknown
  /** Called with the value that the form means, and with undefined while something is wrong. */
  onChange: (result: FormResult) => void
  /** Show what is missing too, as after an attempt to send. */
  strict?: boolean
}

/** A form for a schema. One for a single value, as `{"type": "string"}`, has one field. */
export function SchemaForm({
  schema,
  value,
  onChange,
  strict = false,
  jsonLabel = 'Value as JSON',
}: SchemaFormProps): VNode {
  const single = useMemo(() => singleField(schema), [schema])
  if (single === null)
    return <ObjectForm schema={schema} value={value} onChange={onChange} strict={strict} jsonLabel={jsonLabel} />
  const inner = (result: FormResult): void =>
    onChange(result && { value: (result.value as { [name: string]: Json })[SINGLE] ?? null })
  return (
    <ObjectForm
      schema={single}
      value={value === undefined ? undefined : { [SINGLE]: value }}
      onChange={inner}
      strict={strict}
      jsonLabel={jsonLabel}
      single
    />
  )
}

function ObjectForm({
  schema,
  value,
  onChange,
  strict = false,
  single = false,
  jsonLabel = 'Value as JSON',
}: SchemaFormProps & { single?: boolean }): VNode {
  const fields = useMemo(() => fieldsOf(schema), [schema])
  const start = value ?? (fields === null ? exampleOf(schema) : startOf(schema))
  const [entries, setEntries] = useState<Entries | null>(() =>
    fields !== null && canShow(fields, start) ? entriesOf(fields, start) : null,
  )
  const [text, setText] = useState(() => jsonText(start))
  const [touched, setTouched] = useState(false)
  const read = entries !== null && fields !== null ? readForm(fields, entries, schema) : readText(text, schema)
  // By its text, since a parent may give an equal schema that is another object at each drawing.
  useEffect(() => onChange(read.result), [JSON.stringify(read.result)])

  const type = (typed: string): void => {
    setText(typed)
    setTouched(true)
  }
  const toForm = (): void => {
    const parsed = readJson(text)
    if (fields !== null && parsed.ok) setEntries(entriesOf(fields, parsed.value))
  }
  const toJson = (): void => {
    if (fields !== null && entries !== null) setText(jsonText(valueOf(fields, entries).value))
    setEntries(null)
  }
  const parsed = entries === null ? readJson(text) : undefined
  const mayForm = fields !== null && parsed?.ok === true && canShow(fields, parsed.value)
  return (
    <div class="schema-form">
      {entries !== null && fields !== null ? (
        fields.map(field => (
          <SchemaField
            key={field.name}
            field={field}
            text={entries[field.name] ?? ''}
            problem={shownProblem(read.problems[field.name], entries[field.name] ?? '', strict)}
            onInput={typed => setEntries({ ...entries, [field.name]: typed })}
          />
        ))
      ) : (
        <JsonField
          label={jsonLabel}
          rows={6}
          value={text}
          schema={touched || strict ? schema : undefined}
          onInput={type}
        />
      )}
      {fields !== null && !single && (
        <div class="row">
          {entries !== null ? (
            <Button small kind="quiet" icon="braces" onClick={toJson}>
              Edit as JSON
            </Button>
          ) : (
            <Button
              small
              kind="quiet"
              icon="edit"
              onClick={toForm}
              reason={mayForm ? undefined : 'This value does not fit into a form.'}
            >
              Edit as a form
            </Button>
          )}
        </div>
      )}
    </div>
  )
}

interface Read {
  result: FormResult
  problems: { [name: string]: string }
}

function readForm(fields: readonly FormField[], entries: Entries, schema: unknown): Read {
  const { value, problems } = valueOf(fields, entries)
  const all = { ...problems }
  for (const problem of check(value, schema)) {
    const name = problem.path.slice(1).split('/')[0]?.replaceAll('~1', '/').replaceAll('~0', '~') ?? ''
    all[name] ??= problem.message
  }
  return { result: Object.keys(all).length === 0 ? { value } : undefined, problems: all }
}

function readText(text: string, schema: unknown): Read {
  const read = readJson(text, schema)
  return { result: read.ok && read.problems.length === 0 ? { value: read.value } : undefined, problems: {} }
}

/** An empty field is no error until the form is sent. */
const shownProblem = (problem: string | undefined, text: string, strict: boolean): string | undefined =>
  problem !== undefined && (strict || text !== '') ? `It ${problem}.` : undefined
