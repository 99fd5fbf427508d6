import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { Dialog } from '../kit/Dialog'
import { fullTime, visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { granted, rights } from './rights'
import { forget, key } from './session'

/** Who this tab speaks for, and what its key may do. */
export function Identity(): VNode | null {
  const [open, setOpen] = useState(false)
  const found = rights.value
  if (found === null) return null
  const off = found.authentication === 'off'
  const name = off ? 'No key' : visible(found.name ?? found.owner ?? 'Your key')
  return (
    <>
      <button type="button" class="nav-item nav-who" onClick={() => setOpen(true)} aria-label={`${name}: what this key may do`} title="What this key may do">
        <Icon name={off ? 'info' : 'keys'} size={17} />
        <span class="nav-text clip">{name}</span>
      </button>
      {open && (
        <Dialog title={off ? 'This server asks for no key' : 'What this key may do'} onClose={() => setOpen(false)} actions={key.value !== null && <Button danger icon="lock" onClick={forget}>Forget key</Button>}>
          <div class="stack">
            {off && <p class="soft">Everybody who reaches it may do this. Set <code>AGENTOS_AUTH=api_key</code> before others can.</p>}
            {!off && (
              <dl class="facts">
                {found.name !== null && <><dt>Key</dt><dd>{visible(found.name)}</dd></>}
                {found.owner !== null && <><dt>Owner</dt><dd>{visible(found.owner)}</dd></>}
                <dt>Expires</dt><dd>{found.expiresAt === null ? 'never' : fullTime(found.expiresAt)}</dd>
              </dl>
            )}
            <ul role="list" class="stack stack-tight">
              {granted.value.map(({ scope, words }) => (
                <li class="row" key={scope}><Icon name="check" class="granted" /><span>{visible(words)}</span><code class="faint">{visible(scope)}</code></li>
              ))}
            </ul>
          </div>
        </Dialog>
      )}
    </>
  )
}
