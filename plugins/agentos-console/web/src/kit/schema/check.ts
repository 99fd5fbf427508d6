// A check of JSON values against a JSON schema, for messages beside a form before it is sent. The server's check is the
// one that counts: what this one does not know (formats, conditions, `$ref` to elsewhere) passes.

import {
  DEEPEST,
  isObject,
  isOfType,
  listOf,
  named,
  numberIn,
  pointer,
  resolve,
  same,
  short,
  typesOf,
  type Schema,
} from './values'

export interface Problem {
  /** A JSON pointer (RFC 6901) to the value; empty for the whole. */
  path: string
  message: string
}

const MOST = 20

/** List what is wrong with a value, at most twenty problems. A value that fits has none. */
export function check(value: unknown, schema: unknown, root: unknown = schema): Problem[] {
  const problems: Problem[] = []
  visit(value, schema, root, '', problems, 0)
  return problems.slice(0, MOST)
}

function visit(value: unknown, given: unknown, root: unknown, path: string, problems: Problem[], depth: number): void {
  if (problems.length >= MOST || depth > DEEPEST) return
  if (given === false) {
    problems.push({ path, message: 'is not accepted' })
    return
  }
  const schema = resolve(given, root)
  const say = (message: string) => problems.push({ path, message })
  const types = typesOf(schema)
  if (types.length > 0 && !types.some(type => isOfType(value, type))) {
    say(`has to be ${types.map(named).join(' or ')}`)
    return
  }
  const choices = schema['enum']
  if (Array.isArray(choices) && !choices.some(choice => same(choice, value))) {
    say(`has to be one of ${choices.map(short).join(', ')}`)
  }
  if ('const' in schema && !same(schema['const'], value)) say(`has to be ${short(schema['const'])}`)
  if (typeof value === 'string') checkText(value, schema, say)
  if (typeof value === 'number') checkNumber(value, schema, say)
  if (Array.isArray(value)) checkList(value, schema, root, path, problems, depth)
  if (isObject(value)) checkObject(value, schema, root, path, problems, depth)
  for (const part of listOf(schema['allOf'])) visit(value, part, root, path, problems, depth + 1)
  for (const keyword of ['anyOf', 'oneOf']) {
    const options = listOf(schema[keyword])
    if (options.length > 0 && !options.some(option => fits(value, option, root, depth))) {
      const best = closest(value, options, root, depth)
      if (options.length === 1 || best.length > 0)
        problems.push(...best.map(one => ({ ...one, path: path + one.path })))
      else say('fits none of what is accepted')
    }
  }
}

function fits(value: unknown, schema: unknown, root: unknown, depth: number): boolean {
  const problems: Problem[] = []
  visit(value, schema, root, '', problems, depth + 1)
  return problems.length === 0
}

/** The problems of the option that a value of this type most likely means; none if no option is of its type. */
function closest(value: unknown, options: unknown[], root: unknown, depth: number): Problem[] {
  for (const option of options) {
    const types = typesOf(resolve(option, root))
    if (types.length > 0 && types.some(type => isOfType(value, type))) {
      const problems: Problem[] = []
      visit(value, option, root, '', problems, depth + 1)
      return problems
    }
  }
  return []
}

function checkText(value: string, schema: Schema, say: (message: string) => void): void {
  const length = [...value].length
  const least = numberIn(schema, 'minLength')
  const most = numberIn(schema, 'maxLength')
  if (least !== undefined && length < least) {
    say(length === 0 && least === 1 ? 'must not be empty' : `needs at least ${least} characters, and has ${length}`)
  }
  if (most !== undefined && length > most) say(`may have at most ${most} characters, and has ${length}`)
}

function checkNumber(value: number, schema: Schema, say: (message: string) => void): void {
  const least = numberIn(schema, 'minimum')
  const most = numberIn(schema, 'maximum')
  const above = numberIn(schema, 'exclusiveMinimum')
  const below = numberIn(schema, 'exclusiveMaximum')
  const step = numberIn(schema, 'multipleOf')
  if (least !== undefined && value < least) say(`has to be at least ${least}`)
  if (most !== undefined && value > most) say(`has to be at most ${most}`)
  if (above !== undefined && value <= above) say(`has to be more than ${above}`)
  if (below !== undefined && value >= below) say(`has to be less than ${below}`)
  if (step !== undefined && step > 0) {
    const times = value / step
    if (Math.abs(times - Math.round(times)) > 1e-9 * Math.max(1, Math.abs(times)))
      say(`has to be a multiple of ${step}`)
  }
}

function checkList(
  value: unknown[],
  schema: Schema,
  root: unknown,
  path: string,
  problems: Problem[],
  depth: number,
): void {
  const least = numberIn(schema, 'minItems')
  const most = numberIn(schema, 'maxItems')
  if (least !== undefined && value.length < least) {
    problems.push({ path, message: `needs at least ${least} items, and has ${value.length}` })
  }
  if (most !== undefined && value.length > most) {
    problems.push({ path, message: `may have at most ${most} items, and has ${value.length}` })
  }
  if (schema['uniqueItems'] === true && value.some((one, at) => value.slice(0, at).some(other => same(one, other)))) {
    problems.push({ path, message: 'must not have the same item twice' })
  }
  const first = listOf(schema['prefixItems'])
  value.forEach((item, at) => {
    const part = at < first.length ? first[at] : schema['items']
    if (part !== undefined && !Array.isArray(part)) visit(item, part, root, pointer(path, at), problems, depth + 1)
  })
}

function checkObject(
  value: { [key: string]: unknown },
  schema: Schema,
  root: unknown,
  path: string,
  problems: Problem[],
  depth: number,
): void {
  const properties = isObject(schema['properties']) ? schema['properties'] : {}
  for (const name of listOf(schema['required'])) {
    if (typeof name === 'string' && !Object.hasOwn(value, name)) {
      problems.push({ path: pointer(path, name), message: 'is missing' })
    }
  }
  for (const [name, item] of Object.entries(value)) {
    if (Object.hasOwn(properties, name)) {
      visit(item, properties[name], root, pointer(path, name), problems, depth + 1)
    } else if (!isObject(schema['patternProperties'])) {
      const others = schema['additionalProperties']
      if (others === false) problems.push({ path: pointer(path, name), message: 'is not a known field' })
      else if (isObject(others)) visit(item, others, root, pointer(path, name), problems, depth + 1)
    }
  }
}
