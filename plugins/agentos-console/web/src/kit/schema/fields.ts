// Which fields a form shows for a JSON schema, and what they begin with. A schema that a form cannot show well
// (a choice between objects, free keys, depth) is edited as JSON.

import { isObject, resolve, typesOf, type Json, type Schema } from './values'

export type FieldKind = 'text' | 'long' | 'number' | 'integer' | 'boolean' | 'choice' | 'texts' | 'numbers' | 'json'
export interface FormField {
  name: string
  kind: FieldKind
  title: string
  help: string
  required: boolean
  schema: Schema
  /** The values of a `choice`. */
  choices: readonly Json[]
  nullable: boolean
}

const MOST_FIELDS = 60

/** The fields of an object's form; null where JSON is the better editor. */
export function fieldsOf(schema: unknown): FormField[] | null {
  const whole = resolve(schema, schema)
  const types = typesOf(whole)
  if (types.length > 0 && !types.includes('object')) return null
  if (['anyOf', 'oneOf', 'allOf', 'if', 'patternProperties'].some(keyword => keyword in whole)) return null
  if (isObject(whole['additionalProperties']) || !isObject(whole['properties'])) return null
  const names = Object.keys(whole['properties'])
  if (names.length === 0 || names.length > MOST_FIELDS) return null
  const required = Array.isArray(whole['required']) ? whole['required'] : []
  return names.map(name => field(name, (whole['properties'] as Record<string, unknown>)[name], schema, required))
}

/** The name of the one field of a form for a value that is no object. */
export const SINGLE = 'answer'

/** A schema for an object with one field, for a schema of a single value; null where it is none or needs JSON. */
export function singleField(schema: unknown): Schema | null {
  const { $defs, definitions, ...whole } = resolve(schema, schema)
  const wrapped = {
    type: 'object',
    properties: { [SINGLE]: { title: 'Answer', ...whole } },
    required: [SINGLE],
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
  }
  const [only] = fieldsOf(wrapped) ?? []
  return only === undefined || only.kind === 'json' ? null : wrapped
}

/** A form that begins with this has what the schema gives as defaults, and nothing else. */
export function startOf(schema: unknown): { [key: string]: Json } {
  const start: { [key: string]: Json } = {}
  for (const one of fieldsOf(schema) ?? []) {
    // A null is what an empty field means.
    if (one.nullable && one.schema['default'] === null) continue
    if ('default' in one.schema) start[one.name] = one.schema['default'] as Json
    else if (one.kind === 'choice' && one.required && one.choices.length === 1) start[one.name] = one.choices[0]!
  }
  return start
}

/** An example of a value that a schema accepts, to begin with in a JSON editor: its required fields. */
export function exampleOf(schema: unknown, root: unknown = schema, depth = 0): Json {
  const whole = resolve(schema, root)
  if ('default' in whole) return whole['default'] as Json
  if ('const' in whole) return whole['const'] as Json
  const examples = whole['examples']
  if (Array.isArray(examples) && examples.length > 0) return examples[0] as Json
  const choices = whole['enum']
  if (Array.isArray(choices) && choices.length > 0) return choices[0] as Json
  for (const keyword of ['anyOf', 'oneOf']) {
    const options = whole[keyword]
    if (Array.isArray(options) && options.length > 0 && depth < 8) return exampleOf(options[0], root, depth + 1)
  }
  switch (typesOf(whole)[0]) {
    case 'string':
      return ''
    case 'number':
    case 'integer':
      return typeof whole['minimum'] === 'number' ? whole['minimum'] : 0
    case 'boolean':
      return false
    case 'array':
      return []
    case 'null':
      return null
    default:
      return exampleObject(whole, root, depth)
  }
}

function exampleObject(whole: Schema, root: unknown, depth: number): Json {
  const example: { [key: string]: Json } = {}
  if (!isObject(whole['properties']) || depth > 6) return example
  const required = Array.isArray(whole['required']) ? whole['required'] : []
  for (const [name, part] of Object.entries(whole['properties'])) {
    if (required.includes(name)) example[name] = exampleOf(part, root, depth + 1)
  }
  return example
}

function field(name: string, given: unknown, root: unknown, required: readonly unknown[]): FormField {
  const { schema, nullable } = withoutNull(resolve(given, root), root)
  const choices = choicesOf(schema)
  return {
    name,
    kind: kindOf(schema, choices, root),
    title: typeof schema['title'] === 'string' && schema['title'] !== '' ? schema['title'] : name,
    help: typeof schema['description'] === 'string' ? schema['description'] : '',
    required: required.includes(name),
    schema,
    choices,
    nullable,
  }
}

/** `anyOf: [X, null]` and `type: [X, "null"]` are X that may be empty. */
function withoutNull(schema: Schema, root: unknown): { schema: Schema; nullable: boolean } {
  const types = typesOf(schema)
  if (types.length === 2 && types.includes('null')) {
    return { schema: { ...schema, type: types.find(type => type !== 'null') }, nullable: true }
  }
  const options = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(options) && options.length === 2) {
    const parts = options.map(option => resolve(option, root))
    const other = parts.find(part => typesOf(part)[0] !== 'null')
    if (other !== undefined && parts.some(part => typesOf(part)[0] === 'null')) {
      const { anyOf: _any, oneOf: _one, ...rest } = schema as Record<string, unknown>
      return { schema: { ...other, ...rest }, nullable: true }
    }
  }
  return { schema, nullable: false }
}

function choicesOf(schema: Schema): Json[] {
  if (Array.isArray(schema['enum'])) return schema['enum'] as Json[]
  if ('const' in schema) return [schema['const'] as Json]
  return []
}

function kindOf(schema: Schema, choices: readonly Json[], root: unknown): FieldKind {
  if (choices.length > 0) return choices.every(one => typeof one !== 'object' || one === null) ? 'choice' : 'json'
  const types = typesOf(schema)
  if (types.length !== 1) return 'json'
  switch (types[0]) {
    case 'string':
      return isLong(schema) ? 'long' : 'text'
    case 'number':
      return 'number'
    case 'integer':
      return 'integer'
    case 'boolean':
      return 'boolean'
    case 'array': {
      const items = resolve(schema['items'], root)
      if ('enum' in items || 'prefixItems' in schema) return 'json'
      const of = typesOf(items).join()
      return of === 'string' ? 'texts' : of === 'number' || of === 'integer' ? 'numbers' : 'json'
    }
    default:
      return 'json'
  }
}

function isLong(schema: Schema): boolean {
  const most = schema['maxLength']
  return schema['contentMediaType'] !== undefined || (typeof most === 'number' && most > 200)
}
