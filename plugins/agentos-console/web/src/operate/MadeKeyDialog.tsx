import type { VNode } from 'preact'
import { useRef } from 'preact/hooks'
import { Button } from '../kit/Button'
import { Copy } from '../kit/Copy'
import { Dialog } from '../kit/Dialog'
import { visible } from '../kit/format'
import { Notice } from '../kit/Notice'
import type { MadeKey } from './key'

/** A new key, shown once. Only its button closes it: a stray click would lose the key. */
export function MadeKeyDialog({ made, onClose }: { made: MadeKey; onClose: () => void }): VNode {
  const text = useRef<HTMLInputElement>(null)
  return (
    <Dialog title={`The key ${visible(made.name)}`} onClose={() => text.current?.select()} actions={<Button kind="primary" onClick={onClose}>I have kept it</Button>}>
      <div class="stack">
        <Notice kind="warn">Keep it now. It cannot be shown again.</Notice>
        <div class="row">
          <input ref={text} class="input mono" readOnly aria-label="The new key" value={made.key} autofocus onFocus={event => event.currentTarget.select()} />
          <Copy text={made.key} label="Copy the key" small={false} />
        </div>
        <p class="soft">Send it as <code>Authorization: Bearer KEY</code>.</p>
      </div>
    </Dialog>
  )
}
