// The schemas of installed tools, for checks of edited arguments. Read once for a key.
import { may } from '../app/rights'
import { client } from '../app/session'
import type { Schema } from '../kit/schema/values'

interface Tool {
  name: string
  parameters: Schema
}

let readBy: unknown
let schemas: Promise<Map<string, Schema>> | undefined

async function read(): Promise<Map<string, Schema>> {
  const { data } = await client().request<{ tools: Tool[] }>('GET', '/api/v1/tools')
  return new Map(data.tools.map(tool => [tool.name, tool.parameters]))
}

/** The schema of a tool's arguments; undefined for a tool that is not listed, as one of an agent in code. */
export async function schemaOf(tool: string): Promise<Schema | undefined> {
  // Those who may only decide may not list the tools.
  if (!may('agents:read')) return undefined
  if (readBy !== client()) schemas = undefined
  readBy = client()
  schemas ??= read()
  try {
    return (await schemas).get(tool)
  } catch {
    // Without it, the server alone checks.
    schemas = undefined
    return undefined
  }
}
