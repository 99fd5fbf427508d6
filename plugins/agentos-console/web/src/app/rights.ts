// What the credential of this tab may do, as the server says. The server decides each time; this is for showing.
import { computed, signal } from '@preact/signals'
import { client } from './session'

export interface Rights {
  /** `off`: the server asks for no key. */
  authentication: 'on' | 'off'
  owner: string | null
  name: string | null
  /** What it was given. */
  scopes: readonly string[]
  /** All that this amounts to, as the server says. */
  effective: readonly string[]
  expiresAt: string | null
}

export const rights = signal<Rights | null>(null)

/** Asks the server. Throws what the client throws: 401 means that a key is wanted. */
export async function loadRights(from = client()): Promise<Rights> {
  const { data } = await from.request<Record<string, unknown>>('GET', '/api/v1/keys/current')
  const found = read(data)
  rights.value = found
  return found
}

/** What an answer of `/api/v1/keys/current` says. */
export function read(data: Record<string, unknown>): Rights {
  const text = (name: string): string | null => (typeof data[name] === 'string' ? (data[name] as string) : null)
  const texts = (name: string): string[] => (Array.isArray(data[name]) ? data[name].filter(one => typeof one === 'string') : [])
  return {
    authentication: data['authentication'] === 'off' ? 'off' : 'on',
    owner: text('owner'),
    name: text('name'),
    scopes: texts('scopes'),
    effective: [...new Set([...texts('scopes'), ...texts('effective_scopes')])],
    expiresAt: text('expires_at'),
  }
}

/** Whether a scope is granted: itself, a wider one of the same kind, or `admin`. The same rules as the server's. */
export function may(scope: string): boolean {
  const scopes = rights.value?.effective
  if (scopes === undefined) return false
  if (scopes.includes(scope) || scopes.includes('admin')) return true
  if (scope === 'runs:approve') return scopes.includes('runs:approve:any')
  if (scope === 'agents:run:*') return scopes.some(one => one === 'agents:run' || one.startsWith('agents:run:'))
  return scope.startsWith('agents:run:') && scopes.includes('agents:run')
}

/** Why something is not allowed, for a disabled button; undefined where it is. */
export function missing(scope: string): string | undefined {
  if (may(scope)) return undefined
  return rights.value?.authentication === 'off'
    ? `Not without a key: this server asks for none, and this needs the scope ${scope}.`
    : `Your key does not have the scope ${scope}.`
}

/** What the scopes allow, in words, for people. */
export const granted = computed(() => describe(rights.value?.scopes ?? []))

const WORDS: readonly (readonly [string, string])[] = [
  ['agents:read', 'see agents, models, tools and plugins'],
  ['agents:write', 'create and change agents'],
  ['agents:run', 'run every agent'],
  ['sessions:read', 'read sessions'],
  ['sessions:write', 'create, rename and delete sessions'],
  ['runs:read', 'look at runs'],
  ['runs:cancel', 'cancel runs'],
  ['runs:approve', 'decide what its own runs wait for'],
  ['runs:approve:any', 'decide what every run waits for'],
  ['tools:call', 'call tools by hand'],
  ['settings:read', 'read the settings of the server'],
  ['metrics:read', 'read metrics'],
  ['admin', 'do everything, for all owners'],
]

/** Scopes in words; one that has none stays as it is. */
export function describe(scopes: readonly string[]): { scope: string; words: string }[] {
  const known = new Map(WORDS)
  return scopes.map(scope => {
    if (scope.startsWith('agents:run:')) return { scope, words: `run the agent ${scope.slice('agents:run:'.length)}` }
    return { scope, words: known.get(scope) ?? scope }
  })
}
