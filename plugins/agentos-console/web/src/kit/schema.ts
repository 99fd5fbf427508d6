// JSON schemas, as far as a form needs them. The server checks everything again, with all of the schema.

export interface JsonSchema {
  type?: string | readonly string[]
  title?: string
  description?: string
  default?: unknown
  enum?: readonly unknown[]
  const?: unknown
  properties?: Readonly<Record<string, JsonSchema>>
  required?: readonly string[]
  items?: JsonSchema
  anyOf?: readonly JsonSchema[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  format?: string
  $ref?: string
  $defs?: Readonly<Record<string, JsonSchema>>
  additionalProperties?: boolean | JsonSchema
  [key: string]: unknown
}

export type FieldKind = 'text' | 'long' | 'number' | 'integer' | 'boolean' | 'choice' | 'list' | 'object' | 'json'

const DEEPEST = 3

/** A schema with its reference followed, and without the `null` of "this, or null". */
export function resolve(schema: JsonSchema, root: JsonSchema, hops = 0): JsonSchema {
  if (typeof schema.$ref === 'string' && hops < 8) {
    const name = /^#\/\$defs\/([^/]+)$/.exec(schema.$ref)?.[1]
    const found = name === undefined ? undefined : root.$defs?.[name]
    if (found) return resolve({ ...found, ...(schema.description ? { description: schema.description } : {}) }, root, hops + 1)
  }
  const others = schema.anyOf?.filter(one => one.type !== 'null')
  if (schema.anyOf && others?.length === 1 && others[0] && hops < 8) {
    const { anyOf: _, ...rest } = schema
    return resolve({ ...others[0], ...rest }, root, hops + 1)
  }
  return schema
}

/** Which kind of field a schema gets; `json` for everything that a form cannot show well. */
export function kindOf(schema: JsonSchema, root: JsonSchema, depth = 0): FieldKind {
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []).filter(one => one !== 'null')
  if (schema.enum && schema.enum.length > 0 && schema.enum.every(one => typeof one !== 'object' || one === null)) return 'choice'
  if (types.length !== 1 || schema['oneOf'] || schema['allOf'] || schema.anyOf) return 'json'
  switch (types[0]) {
    case 'string': return (schema.maxLength ?? 0) > 200 || schema.format === 'textarea' ? 'long' : 'text'
    case 'integer': return 'integer'
    case 'number': return 'number'
    case 'boolean': return 'boolean'
    case 'array': return schema.items && resolve(schema.items, root).type === 'string' && !schema.items.enum ? 'list' : 'json'
    case 'object': return schema.properties && Object.keys(schema.properties).length > 0 && depth < DEEPEST ? 'object' : 'json'
    default: return 'json'
  }
}

/** Whether a whole schema can be a form: an object of named fields. */
export const fitsForm = (schema: JsonSchema): boolean => kindOf(schema, schema) === 'object' || (schema.type === 'object' && Object.keys(schema.properties ?? {}).length === 0)

/** The value that a form begins with: what the schema names as defaults. */
export function initial(schema: JsonSchema, root: JsonSchema = schema): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const [name, raw] of Object.entries(schema.properties ?? {})) {
    const field = resolve(raw, root)
    if (field.default !== undefined && field.default !== null) value[name] = field.default
    else if (field.const !== undefined) value[name] = field.const
  }
  return value
}

/** What is plainly wrong with a value, by field; the server says the rest. */
export function check(schema: JsonSchema, value: Record<string, unknown>, root: JsonSchema = schema): Record<string, string> {
  const wrong: Record<string, string> = {}
  for (const name of schema.required ?? []) {
    if (value[name] === undefined || value[name] === '') wrong[name] = 'This is required.'
  }
  for (const [name, raw] of Object.entries(schema.properties ?? {})) {
    const field = resolve(raw, root)
    const found = value[name]
    if (typeof found === 'number') {
      if (field.minimum !== undefined && found < field.minimum) wrong[name] = `At least ${field.minimum}.`
      if (field.maximum !== undefined && found > field.maximum) wrong[name] = `At most ${field.maximum}.`
      if (kindOf(field, root) === 'integer' && !Number.isInteger(found)) wrong[name] = 'A whole number is wanted.'
    }
    if (typeof found === 'string' && field.maxLength !== undefined && found.length > field.maxLength) wrong[name] = `At most ${field.maxLength} characters.`
  }
  return wrong
}
