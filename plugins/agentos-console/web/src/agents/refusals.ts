// The fields that the server refused, under the names that the editor has for them.
import { APIError } from '@agentos-server/client'
import { isObject } from '../kit/schema/values'
import type { Draft, Problems } from './draft'

const NAMES: Readonly<Record<string, keyof Draft>> = {
  id: 'id',
  name: 'name',
  description: 'description',
  model: 'model',
  instructions: 'instructions',
  tools: 'tools',
  approve: 'approve',
  parameters: 'parameters',
  output_schema: 'outputSchema',
  output_retries: 'outputRetries',
  history_turns: 'historyTurns',
  max_turns: 'maxTurns',
  concurrency: 'concurrency',
  allow_overrides: 'allowOverrides',
  metadata: 'metadata',
  comment: 'comment',
}

/** What an error says of single fields; nothing for an error that says nothing of them. */
export function fieldProblems(error: unknown): Problems {
  if (!(error instanceof APIError)) return {}
  const fields = error.details['fields']
  if (!isObject(fields)) return {}
  const problems: Problems = {}
  for (const [field, words] of Object.entries(fields)) {
    const name = NAMES[field.split('.')[0] ?? '']
    if (name !== undefined) problems[name] = typeof words === 'string' ? words : JSON.stringify(words)
  }
  return problems
}
