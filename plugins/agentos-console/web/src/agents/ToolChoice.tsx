import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { Checkbox, SearchField, TextField } from '../kit/Field'
import { plural, visible } from '../kit/format'
import { ErrorNotice } from '../kit/Notice'
import { useGet } from '../kit/useResource'
import { Parameters } from '../tools/Parameters'
import type { Draft, Problems } from './draft'
import { firstLine } from './ToolSchemas'

type Tool = Schemas['Tool']

interface ToolChoiceProps {
  draft: Draft
  problems: Problems
  onChange: (changes: Partial<Draft>) => void
}

const FEW = 8

/** Which tools an agent has, and which of them wait for a person. */
export function ToolChoice({ draft, problems, onChange }: ToolChoiceProps): VNode {
  const found = useGet<Schemas['ToolList']>('/api/v1/tools')
  const [wanted, setWanted] = useState('')
  const installed = found.data?.tools ?? []
  const others = draft.tools.filter(name => !installed.some(tool => tool.name === name))
  const shown = installed.filter(tool =>
    `${tool.name} ${tool.description}`.toLowerCase().includes(wanted.toLowerCase()),
  )
  const choose = (name: string, isChosen: boolean): void => {
    const tools = isChosen ? [...draft.tools, name] : draft.tools.filter(one => one !== name)
    onChange({ tools, approve: draft.approve.filter(one => tools.includes(one)) })
  }
  const approve = (name: string, needs: boolean): void => {
    onChange({ approve: needs ? [...draft.approve, name] : draft.approve.filter(one => one !== name) })
  }
  return (
    <fieldset class="stack stack-tight" aria-label="Tools">
      <legend class="agent-legend">
        Tools <span class="faint">{draft.tools.length > 0 ? plural(draft.tools.length, 'tool') : 'none'}</span>
      </legend>
      {found.error !== undefined && (
        <ErrorNotice error={found.error} what="The tools could not be loaded" retry={found.refresh} />
      )}
      {installed.length > FEW && <SearchField label="Search tools" value={wanted} onInput={setWanted} />}
      {(shown.length > 0 || others.length > 0) && (
        <ul role="list" class="panel tool-list tool-choice">
          {others.map(name => (
            <Row
              key={name}
              name={name}
              isRead={found.data !== undefined}
              draft={draft}
              choose={choose}
              approve={approve}
            />
          ))}
          {shown.map(tool => (
            <Row key={tool.name} name={tool.name} isRead tool={tool} draft={draft} choose={choose} approve={approve} />
          ))}
        </ul>
      )}
      {found.data?.count === 0 && <p class="soft">No tools are installed. Plugins bring them.</p>}
      {problems.tools !== undefined && (
        <p class="field-error" role="alert">
          {visible(problems.tools)}
        </p>
      )}
      {problems.approve !== undefined && (
        <p class="field-error" role="alert">
          {visible(problems.approve)}
        </p>
      )}
      <ByName onAdd={name => !draft.tools.includes(name) && choose(name, true)} />
    </fieldset>
  )
}

interface RowProps {
  name: string
  /** Whether the list of installed tools was read. */
  isRead: boolean
  tool?: Tool
  draft: Draft
  choose: (name: string, isChosen: boolean) => void
  approve: (name: string, needs: boolean) => void
}

function Row({ name, isRead, tool, draft, choose, approve }: RowProps): VNode {
  const isChosen = draft.tools.includes(name)
  return (
    <li>
      <div class="tool-choice-row">
        <Checkbox
          label={<span class="mono tool-name">{visible(name)}</span>}
          checked={isChosen}
          onChange={checked => choose(name, checked)}
        />
        <span class="soft small clip grow">
          {tool === undefined
            ? isRead
              ? 'not in the list of installed tools'
              : ''
            : visible(firstLine(tool.description))}
        </span>
        {isChosen && (
          <Checkbox
            label={<span class="small">needs approval</span>}
            checked={draft.approve.includes(name)}
            onChange={checked => approve(name, checked)}
          />
        )}
      </div>
      {tool !== undefined && (
        <details class="tool-choice-schema">
          <summary class="small soft">Parameters of {visible(name)}</summary>
          <Parameters schema={tool.parameters} />
        </details>
      )}
    </li>
  )
}

/** Tools of a source by pattern, and those that are not listed now. */
function ByName({ onAdd }: { onAdd: (name: string) => void }): VNode {
  const [name, setName] = useState('')
  const add = (): void => {
    if (name.trim() === '') return
    onAdd(name.trim())
    setName('')
  }
  return (
    <div class="row tool-by-name">
      <TextField
        label="Another tool by name"
        hideLabel
        placeholder="Another one by name, as source/*"
        value={name}
        onInput={setName}
        onKeyDown={event => {
          if (event.key !== 'Enter') return
          event.preventDefault()
          add()
        }}
      />
      <Button icon="plus" reason={name.trim() === '' ? 'Type a name first.' : undefined} onClick={add}>
        Add
      </Button>
    </div>
  )
}
