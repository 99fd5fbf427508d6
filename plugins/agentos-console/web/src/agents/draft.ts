// A stored agent as the editor has it: texts and lists, made from a definition and turned into one. Fields of the
// definition that the editor does not know stay as they are.

import { isObject } from '../kit/schema/values'
import { jsonText, parseJson } from '../kit/schema/text'

export type Definition = { [field: string]: unknown }
export interface Draft {
  id: string
  name: string
  description: string
  model: string
  instructions: string
  tools: string[]
  approve: string[]
  temperature: string
  /** Other fields of the model's request, as JSON. */
  parameters: string
  outputSchema: string
  outputRetries: string
  historyTurns: string
  maxTurns: string
  concurrency: string
  /** `null`: the server's default. */
  allowOverrides: string[] | null
  retryOnCrash: boolean
  metadata: string
  comment: string
}
export type Problems = { [field in keyof Draft]?: string }

export const EMPTY: Draft = {
  id: '',
  name: '',
  description: '',
  model: '',
  instructions: '',
  tools: [],
  approve: [],
  temperature: '',
  parameters: '',
  outputSchema: '',
  outputRetries: '',
  historyTurns: '',
  maxTurns: '',
  concurrency: '',
  allowOverrides: null,
  retryOnCrash: false,
  metadata: '',
  comment: '',
}
const KNOWN = [
  ...['id', 'name', 'description', 'model', 'instructions', 'tools', 'approve', 'parameters', 'output_schema'],
  ...['output_retries', 'history_turns', 'max_turns', 'max_steps', 'concurrency', 'allow_overrides'],
  ...['retry_on_crash', 'metadata', 'comment'],
]
const AN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const A_MODEL = /^[^:\s]+:\S/

export function draftOf(definition: Definition): Draft {
  const parameters = isObject(definition['parameters']) ? definition['parameters'] : {}
  const { temperature, ...rest } = parameters
  const isPlain = typeof temperature === 'number'
  const allowed = definition['allow_overrides']
  return {
    id: text(definition['id']),
    name: text(definition['name']),
    description: text(definition['description']),
    model: text(definition['model']),
    instructions: text(definition['instructions']),
    tools: texts(definition['tools']),
    approve: texts(definition['approve']),
    temperature: isPlain ? String(temperature) : '',
    parameters: objectText(isPlain ? rest : parameters),
    outputSchema: objectText(definition['output_schema'], true),
    outputRetries: text(definition['output_retries']),
    historyTurns: text(definition['history_turns']),
    maxTurns: text(definition['max_turns'] ?? definition['max_steps']),
    concurrency: text(definition['concurrency']),
    allowOverrides: Array.isArray(allowed) ? texts(allowed) : null,
    retryOnCrash: definition['retry_on_crash'] === true,
    metadata: objectText(definition['metadata']),
    comment: '',
  }
}

/** The definition that a draft describes, and what is wrong with it, by field. Empty fields are left out. */
export function definitionOf(draft: Draft, before: Definition = {}): { definition: Definition; problems: Problems } {
  const problems: Problems = {}
  const kept = Object.entries(before).filter(([field]) => !KNOWN.includes(field))
  const definition: Definition = Object.fromEntries(kept)
  const set = (field: string, value: unknown) => {
    if (value !== undefined && value !== '') definition[field] = value
  }
  if (!AN_ID.test(draft.id)) problems.id = 'letters, digits, and . _ - after the first; at most 128'
  if (!A_MODEL.test(draft.model)) problems.model = 'a provider and a model, as openai:gpt-5-mini'
  for (const field of ['id', 'name', 'description', 'model'] as const) set(field, draft[field].trim())
  set('instructions', draft.instructions)
  if (draft.tools.length > 0) definition['tools'] = draft.tools
  if (draft.approve.length > 0) definition['approve'] = draft.approve
  const parameters = objectIn(draft, 'parameters', problems)
  const temperature = numberIn(draft, 'temperature', problems)
  const merged = { ...(temperature === undefined ? {} : { temperature }), ...parameters }
  if (Object.keys(merged).length > 0) definition['parameters'] = merged
  set('output_schema', objectIn(draft, 'outputSchema', problems))
  set('output_retries', countIn(draft, 'outputRetries', problems, 0, 3))
  set('history_turns', countIn(draft, 'historyTurns', problems, 0, 10000))
  set('max_turns', countIn(draft, 'maxTurns', problems, 1, 1000))
  set('concurrency', draft.concurrency)
  if (draft.allowOverrides !== null) definition['allow_overrides'] = draft.allowOverrides
  if (draft.retryOnCrash) definition['retry_on_crash'] = true
  set('metadata', objectIn(draft, 'metadata', problems))
  return { definition, problems }
}

/** The body of a request that stores a draft. */
export function bodyOf(definition: Definition, comment: string): Definition {
  return comment.trim() === '' ? definition : { ...definition, comment: comment.trim() }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}

function objectText(value: unknown, evenEmpty = false): string {
  return isObject(value) && (evenEmpty || Object.keys(value).length > 0) ? jsonText(value) : ''
}

function objectIn(
  draft: Draft,
  field: 'parameters' | 'outputSchema' | 'metadata',
  problems: Problems,
): object | undefined {
  if (draft[field].trim() === '') return undefined
  const parsed = parseJson(draft[field])
  if (parsed.ok && isObject(parsed.value)) return parsed.value
  problems[field] = parsed.ok ? 'has to be a JSON object' : parsed.message
  return undefined
}

function numberIn(draft: Draft, field: 'temperature', problems: Problems): number | undefined {
  const given = draft[field].trim()
  if (given === '') return undefined
  if (Number.isFinite(Number(given))) return Number(given)
  problems[field] = 'has to be a number'
  return undefined
}

type Count = 'outputRetries' | 'historyTurns' | 'maxTurns'

function countIn(draft: Draft, field: Count, problems: Problems, least: number, most: number): number | undefined {
  const given = draft[field].trim()
  if (given === '') return undefined
  const count = Number(given)
  if (Number.isInteger(count) && count >= least && count <= most) return count
  problems[field] = `has to be a whole number from ${least} to ${most}`
  return undefined
}

/** An id from a name, for a new agent: `Travel guide 2` is `travel-guide-2`. */
export function idFrom(name: string): string {
  const plain = name
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
  return plain
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[-._]+|-+$/g, '')
    .slice(0, 128)
}
