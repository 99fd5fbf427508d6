import type { VNode } from 'preact'
import { plural, visible } from '../kit/format'
import { Badge } from '../kit/Status'
import { fieldChanges, type Change, type FieldChange } from './changes'

const WORDS = { add: 'added', remove: 'removed', replace: 'changed' } as const
const MARKS = { same: ' ', add: '+', remove: '−' } as const
const READ = { same: '', add: 'added: ', remove: 'removed: ' } as const
const MOST_LINES = 600

/** What differs in two definitions, by field, line by line. */
export function Diff({ changes, none }: { changes: readonly Change[]; none: string }): VNode {
  if (changes.length === 0) return <p class="soft">{none}</p>
  return (
    <ul role="list" class="stack">
      {fieldChanges(changes).map(change => (
        <li key={change.label} class="panel diff">
          <div class="panel-head">
            <h3 class="grow mono clip">{visible(change.label)}</h3>
            <Badge dot={false}>{WORDS[change.op]}</Badge>
          </div>
          <Lines change={change} />
        </li>
      ))}
    </ul>
  )
}

function Lines({ change }: { change: FieldChange }): VNode {
  const shown = change.lines.slice(0, MOST_LINES)
  return (
    <div class="diff-lines" tabIndex={0} role="group" aria-label={`Difference of ${visible(change.label)}`}>
      {shown.map((line, at) =>
        line.op === 'gap' ? (
          <div key={at} class="diff-gap">
            {plural(line.lines, 'line')} the same
          </div>
        ) : (
          <div key={at} class={`diff-line diff-${line.op}`}>
            <span class="diff-mark" aria-hidden="true">
              {MARKS[line.op]}
            </span>
            <span>
              <span class="sr-only">{READ[line.op]}</span>
              {visible(line.text)}
            </span>
          </div>
        ),
      )}
      {change.lines.length > shown.length && (
        <div class="diff-gap">{plural(change.lines.length - shown.length, 'more line')}</div>
      )}
    </div>
  )
}
