// JSON values and parts of JSON schemas.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Schema = { readonly [keyword: string]: unknown }

/** How far a schema is followed: one may refer to itself. */
export const DEEPEST = 40

/** Follow `$ref` inside the schema. What cannot be found is an empty schema, which accepts everything. */
export function resolve(schema: unknown, root: unknown): Schema {
  let found: unknown = schema
  for (let hop = 0; hop < DEEPEST && isObject(found) && typeof found['$ref'] === 'string'; hop++) {
    const { $ref, ...rest } = found
    const target = pointed(root, $ref as string)
    found = isObject(target) ? { ...target, ...rest } : rest
  }
  return isObject(found) ? found : {}
}

export function isObject(value: unknown): value is { [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The types that a schema names; none if it names none. */
export function typesOf(schema: Schema): string[] {
  const type = schema['type']
  if (typeof type === 'string') return [type]
  return Array.isArray(type) ? type.filter((one): one is string => typeof one === 'string') : []
}

export function pointer(path: string, key: string | number): string {
  return `${path}/${String(key).replace(/~/g, '~0').replace(/\//g, '~1')}`
}

function pointed(root: unknown, ref: string): unknown {
  if (ref === '#') return root
  if (!ref.startsWith('#/')) return undefined
  let at: unknown = root
  for (const part of ref.slice(2).split('/')) {
    const key = decoded(part).replace(/~1/g, '/').replace(/~0/g, '~')
    if (Array.isArray(at)) at = at[Number(key)]
    else if (isObject(at) && Object.hasOwn(at, key)) at = at[key]
    else return undefined
  }
  return at
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'boolean':
      return typeof value === 'boolean'
    case 'string':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number'
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value)
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    default:
      return true
  }
}

const NAMES: Record<string, string> = {
  null: 'empty (null)',
  boolean: 'true or false',
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  array: 'a list',
  object: 'an object',
}

export function named(type: string): string {
  return Object.hasOwn(NAMES, type) ? NAMES[type]! : type
}

export function short(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

export function numberIn(schema: Schema, keyword: string): number | undefined {
  const value = schema[keyword]
  return typeof value === 'number' ? value : undefined
}

/** Whether two JSON values are the same. The order of keys does not count. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, at) => same(item, other[at]))
  }
  if (isObject(one) && isObject(other)) {
    const names = Object.keys(one)
    return (
      names.length === Object.keys(other).length &&
      names.every(name => Object.hasOwn(other, name) && same(one[name], other[name]))
    )
  }
  return false
}
