// A JSON value as text that is checked while it is typed.
import type { ComponentChildren, VNode } from 'preact'
import { TextArea } from './Field'
import { check, type Problem } from './schema/check'
import { parseJson, type Parsed } from './schema/text'

interface JsonFieldProps {
  label: string
  hint?: ComponentChildren
  hideLabel?: boolean
  optional?: boolean
  value: string
  /** What the value has to fit. */
  schema?: unknown
  rows?: number
  error?: string | undefined
  onInput: (text: string) => void
}

/** Read a text as JSON that fits a schema: the value, or what is wrong. */
export function readJson(text: string, schema?: unknown): Parsed & { problems: Problem[] } {
  const parsed = parseJson(text)
  const problems = parsed.ok && schema !== undefined ? check(parsed.value, schema) : []
  return { ...parsed, problems }
}

/** A problem as a sentence: `amount has to be a number`. */
export function problemText(problem: Problem): string {
  const name = problem.path.slice(1).replaceAll('/', ' › ').replaceAll('~1', '/').replaceAll('~0', '~')
  return name === '' ? `The value ${problem.message}` : `${name} ${problem.message}`
}

export function JsonField({
  label,
  hint,
  hideLabel,
  optional,
  value,
  schema,
  rows = 4,
  error,
  onInput,
}: JsonFieldProps): VNode {
  const isEmpty = value.trim() === ''
  const read = readJson(value, schema)
  const said = error ?? (isEmpty && optional === true ? undefined : read.ok ? undefined : `It ${read.message}.`)
  return (
    <div class="json-field">
      <TextArea
        code
        label={label}
        hideLabel={hideLabel}
        hint={hint}
        optional={optional}
        rows={rows}
        value={value}
        error={said}
        onInput={onInput}
      />
      {!isEmpty && read.problems.length > 0 && (
        <ul class="json-problems">
          {read.problems.map(problem => (
            <li key={problem.path + problem.message}>{problemText(problem)}</li>
          ))}
        </ul>
      )}
    </div>
  )
}
