import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Link } from '../app/router'
import { Copy } from '../kit/Copy'
import { SearchField } from '../kit/Field'
import { visible } from '../kit/format'
import { Empty, ErrorNotice, Loading } from '../kit/Notice'
import { Page } from '../kit/Page'
import { Table } from '../kit/Table'
import { useGet } from '../kit/useResource'

interface Model {
  id: string
  source: string
}

/** The models that agents may name. */
export default function Models(): VNode {
  const { data, error, refresh } = useGet<{ models: Model[] }>('/api/v1/models')
  const [text, setText] = useState('')
  const found = data?.models.filter(model => model.id.toLowerCase().includes(text.trim().toLowerCase()))
  return (
    <Page title="Models" actions={<SearchField label="Search models" value={text} onInput={setText} />}>
      <p class="page-lead">What an <Link to="/agents">agent</Link> may name as its model. A provider may serve more than it lists.</p>
      {error !== undefined && <ErrorNotice error={error} what="The models could not be loaded" retry={refresh} />}
      {found === undefined ? error === undefined && <Loading /> : found.length > 0 ? (
        <Table
          label="Models"
          rows={found}
          rowKey={model => model.id}
          columns={[
            { title: 'Model', cell: model => <code>{visible(model.id)}</code> },
            { title: 'Provider', cell: model => <span class="soft">{visible(model.id.split(':')[0] ?? '')}</span>, wideOnly: true },
            { title: 'From the plugin', cell: model => <span class="soft">{visible(model.source)}</span> },
          ]}
          actions={model => <Copy text={model.id} label={`Copy ${model.id}`} />}
        />
      ) : (
        <Empty icon="models" title={text === '' ? 'No models' : 'No model is called that'}>
          {text === '' ? <>A provider brings models: set <code>OPENAI_API_KEY</code>, or install a plugin with one.</> : 'An agent may still name it, if its provider knows it.'}
        </Empty>
      )}
    </Page>
  )
}
