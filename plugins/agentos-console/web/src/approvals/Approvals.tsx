// The inbox of approvals and questions: what waits, what was answered, and the decisions that are remembered.
import type { VNode } from 'preact'
import { route, setQuery } from '../app/router'
import { Page } from '../kit/Page'
import { Tabs } from '../kit/Tabs'
import { Answered } from './Answered'
import { Inbox } from './Inbox'
import { Rules } from './Rules'
import { waiting } from './waiting'

export default function Approvals(): VNode {
  const tab = route.value.query.get('tab') ?? 'waiting'
  const count = waiting.value
  return (
    <Page title="Approvals">
      <Tabs
        label="Approvals"
        tabs={[
          {
            id: 'waiting',
            label:
              count === null || count === 0 ? (
                'Waiting'
              ) : (
                <>
                  Waiting <span class="count">{count}</span>
                </>
              ),
          },
          { id: 'answered', label: 'Answered' },
          { id: 'rules', label: 'Remembered decisions' },
        ]}
        chosen={tab}
        onChoose={id => setQuery({ tab: id === 'waiting' ? null : id, action: null })}
      >
        <div class="approvals-tab">{tab === 'answered' ? <Answered /> : tab === 'rules' ? <Rules /> : <Inbox />}</div>
      </Tabs>
    </Page>
  )
}
