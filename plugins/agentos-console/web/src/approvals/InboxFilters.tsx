import type { VNode } from 'preact'
import { route, setQuery } from '../app/router'
import { Button } from '../kit/Button'
import { Select, TextField } from '../kit/Field'
import { plural } from '../kit/format'
import { KINDS } from './answers'

/** The parameters of the address that say what of the inbox is shown. */
export const FILTERS = ['kind', 'agent_id', 'tool', 'approver', 'order'] as const

/** What of the inbox is shown. */
export function InboxFilters(): VNode {
  const { query } = route.value
  const value = (name: string): string => query.get(name) ?? ''
  const set = (name: string) => (to: string) => setQuery({ [name]: to || null, action: null })
  const active = FILTERS.filter(name => name !== 'order' && value(name) !== '').length
  return (
    <div class="filters inbox-filters" role="search" aria-label="Filter what waits">
      <Select
        label="Kind"
        hideLabel
        value={value('kind')}
        onChange={set('kind')}
        options={[
          { value: '', label: 'All kinds' },
          ...Object.entries(KINDS).map(([kind, label]) => ({ value: kind, label })),
        ]}
      />
      <TextField label="Agent" hideLabel placeholder="Agent" value={value('agent_id')} onInput={set('agent_id')} />
      <TextField label="Tool" hideLabel placeholder="Tool" value={value('tool')} onInput={set('tool')} />
      <Select
        label="Who decides"
        hideLabel
        value={value('approver')}
        onChange={set('approver')}
        options={[
          { value: '', label: 'Decided by all' },
          { value: 'owner', label: 'The owner may decide' },
          { value: 'other', label: 'Another person decides' },
        ]}
      />
      <Select
        label="Order"
        hideLabel
        value={value('order')}
        onChange={set('order')}
        options={[
          { value: '', label: 'Newest first' },
          { value: 'oldest', label: 'Oldest first' },
        ]}
      />
      {active > 0 && (
        <Button
          small
          kind="quiet"
          icon="close"
          onClick={() => setQuery(Object.fromEntries([...FILTERS, 'action'].map(name => [name, null])))}
        >
          Clear {plural(active, 'filter')}
        </Button>
      )}
    </div>
  )
}
