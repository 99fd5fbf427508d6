// What a person typed into the fields of a form, and the JSON value that it means.

import type { FormField } from './fields'
import { parseJson, jsonText } from './text'
import { isObject, type Json } from './values'

/** A text for each field: of a choice the place in `choices`, of a list one item a line (numbers also with commas), of a switch `true`/`false`. */
export type Entries = { [name: string]: string }

export function entriesOf(fields: readonly FormField[], value: unknown): Entries {
  const given = isObject(value) ? value : {}
  return Object.fromEntries(
    fields.map(field => [field.name, Object.hasOwn(given, field.name) ? entry(field, given[field.name]) : '']),
  )
}

/** Whether a form can show a value: a field's text must mean that value again, and no field may be left over. */
export function canShow(fields: readonly FormField[], value: unknown): boolean {
  if (!isObject(value)) return false
  return jsonText(sorted(valueOf(fields, entriesOf(fields, value)).value)) === jsonText(sorted(value))
}

export function valueOf(
  fields: readonly FormField[],
  entries: Entries,
): { value: { [name: string]: Json }; problems: { [name: string]: string } } {
  const value: { [name: string]: Json } = {}
  const problems: { [name: string]: string } = {}
  for (const field of fields) {
    const text = entries[field.name] ?? ''
    if (text === '') {
      if (field.nullable && field.required) value[field.name] = null
      else if (field.required && field.kind === 'boolean') value[field.name] = false
      else if (field.required && (field.kind === 'texts' || field.kind === 'numbers')) value[field.name] = []
      else if (field.required) problems[field.name] = 'is needed'
      continue
    }
    const read = meaning(field, text)
    if ('problem' in read) problems[field.name] = read.problem
    else value[field.name] = read.value
  }
  return { value, problems }
}

function entry(field: FormField, value: unknown): string {
  if (value === null && field.nullable) return ''
  switch (field.kind) {
    case 'choice': {
      const place = field.choices.findIndex(choice => choice === value)
      return place < 0 ? '' : String(place)
    }
    case 'text':
    case 'long':
      return typeof value === 'string' ? value : ''
    case 'texts':
    case 'numbers':
      return Array.isArray(value) ? value.join('\n') : ''
    case 'json':
      return jsonText(value)
    default:
      return value === undefined ? '' : String(value)
  }
}

function meaning(field: FormField, text: string): { value: Json } | { problem: string } {
  switch (field.kind) {
    case 'number':
    case 'integer': {
      const number = Number(text.trim())
      if (text.trim() === '' || !Number.isFinite(number)) return { problem: 'has to be a number' }
      if (Number.isInteger(number) && !Number.isSafeInteger(number))
        return { problem: 'is too large to be kept exactly' }
      return { value: number }
    }
    case 'boolean':
      return { value: text === 'true' }
    case 'choice': {
      const choice = field.choices[Number(text)]
      return choice === undefined ? { problem: 'is none of the choices' } : { value: choice }
    }
    case 'texts':
      return { value: text.split('\n').filter(line => line !== '') }
    case 'numbers': {
      const numbers = text
        .split(/[\s,;]+/)
        .filter(part => part !== '')
        .map(Number)
      if (!numbers.every(Number.isFinite)) return { problem: 'has to be numbers' }
      return { value: numbers }
    }
    case 'json': {
      const parsed = parseJson(text)
      return parsed.ok ? { value: parsed.value } : { problem: parsed.message }
    }
    default:
      return { value: text }
  }
}

function sorted(value: unknown): unknown {
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}
