import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { visible } from '../kit/format'
import { useGet } from '../kit/useResource'
import { Parameters } from '../tools/Parameters'

/** Tools by name, each opening to its description and parameters. */
export function ToolSchemas({ names }: { names: readonly string[] }): VNode {
  const tools = useGet<Schemas['ToolList']>('/api/v1/tools')
  if (names.length === 0) return <p class="soft">None.</p>
  return (
    <ul role="list" class="panel tool-list">
      {names.map(name => {
        const tool = tools.data?.tools.find(one => one.name === name)
        return (
          <li key={name}>
            {tool === undefined ? (
              <span class="mono tool-name">{visible(name)}</span>
            ) : (
              <details>
                <summary>
                  <span class="mono tool-name">{visible(name)}</span>{' '}
                  <span class="soft small">{visible(firstLine(tool.description))}</span>
                </summary>
                <Parameters schema={tool.parameters} />
              </details>
            )}
          </li>
        )
      })}
    </ul>
  )
}

export const firstLine = (text: string): string => text.trim().split('\n')[0] ?? ''
