// What the server says differs in two definitions (a JSON Patch with the old values), in the shape that the page shows:
// one entry for a field, with lines that were added and removed.

import { jsonText } from '../kit/schema/text'
import { isObject, pointer, same } from '../kit/schema/values'
import { diffLines, folded, type Gap, type Line } from './lines'

export interface Change {
  op: 'add' | 'remove' | 'replace'
  path: string
  value?: unknown
  old?: unknown
}
export interface FieldChange {
  /** Where, for people: `parameters › temperature`. */
  label: string
  op: Change['op']
  lines: (Line | Gap)[]
}

export function fieldChanges(changes: readonly Change[]): FieldChange[] {
  return changes.map(change => ({
    label: labelOf(change.path),
    op: change.op,
    lines: linesOf(change),
  }))
}

export function labelOf(path: string): string {
  if (path === '') return 'definition'
  return path
    .slice(1)
    .split('/')
    .map(part => part.replace(/~1/g, '/').replace(/~0/g, '~'))
    .join(' › ')
}

function linesOf(change: Change): (Line | Gap)[] {
  const old = textOf(change.old)
  const now = textOf(change.value)
  if (change.op === 'add') return now.split('\n').map(text => ({ op: 'add', text }))
  if (change.op === 'remove') return old.split('\n').map(text => ({ op: 'remove', text }))
  return folded(diffLines(old, now))
}

/** A list of texts has a line for each, so that only what changed is marked. */
function textOf(value: unknown): string {
  if (Array.isArray(value) && value.every(one => typeof one === 'string' && !one.includes('\n')))
    return value.join('\n')
  return typeof value === 'string' ? value : jsonText(value)
}

/** What differs in two JSON objects, as the server's comparison of two versions says it: a list is one value. */
export function compare(before: unknown, after: unknown, path = ''): Change[] {
  if (same(before, after)) return []
  if (!isObject(before) || !isObject(after)) return [{ op: 'replace', path, old: before, value: after }]
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.flatMap((name): Change[] => {
    const at = pointer(path, name)
    if (!Object.hasOwn(after, name)) return [{ op: 'remove', path: at, old: before[name] }]
    if (!Object.hasOwn(before, name)) return [{ op: 'add', path: at, value: after[name] }]
    return compare(before[name], after[name], at)
  })
}
