import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { visible } from '../kit/format'
import { Json } from '../kit/Json'
import { isObject, listOf, resolve, typesOf } from '../kit/schema/values'

/** The parameters of a tool as rows, or the whole schema. */
export function Parameters({ schema }: { schema: unknown }): VNode {
  const [raw, setRaw] = useState(false)
  const whole = resolve(schema, schema)
  const properties = isObject(whole['properties']) ? Object.entries(whole['properties']) : []
  const required = listOf(whole['required'])
  return (
    <div class="parameters">
      {properties.length === 0 && !raw && <p class="soft small">It takes no arguments.</p>}
      {raw ? (
        <Json value={schema} open={3} copy />
      ) : (
        <dl class="parameters-rows">
          {properties.map(([name, part]) => (
            <div key={name} class="parameters-row">
              <dt>
                <span class="mono">{visible(name)}</span>{' '}
                <span class="faint small">{visible(typeText(part, schema))}</span>
                {!required.includes(name) && <span class="faint small"> optional</span>}
              </dt>
              <dd class="soft">{visible(describe(part, schema))}</dd>
            </div>
          ))}
        </dl>
      )}
      <Button small kind="quiet" icon="braces" aria-pressed={raw} onClick={() => setRaw(!raw)}>
        JSON schema
      </Button>
    </div>
  )
}

function typeText(part: unknown, root: unknown): string {
  const schema = resolve(part, root)
  const choices = schema['enum']
  if (Array.isArray(choices)) {
    const text = choices.map(choice => JSON.stringify(choice)).join(' | ')
    return text.length > 120 ? `${text.slice(0, 119)}…` : text
  }
  const options = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(options)) return options.map(option => typeText(option, root)).join(' or ')
  const types = typesOf(schema)
  if (types.length === 1 && types[0] === 'array' && schema['items'] !== undefined)
    return `list of ${typeText(schema['items'], root)}`
  return types.length === 0 ? 'anything' : types.join(' or ')
}

function describe(part: unknown, root: unknown): string {
  const schema = resolve(part, root)
  const words = typeof schema['description'] === 'string' ? schema['description'] : ''
  return 'default' in schema && schema['default'] !== null
    ? `${words} Default: ${JSON.stringify(schema['default'])}.`.trim()
    : words
}
