import type { VNode } from 'preact'
import { Checkbox } from '../kit/Field'
import { Dialog } from '../kit/Dialog'
import { singleKeys } from './preferences'
import { caps, shortcuts } from './shortcuts'

/** All shortcuts that work now. */
export function Help({ onClose }: { onClose: () => void }): VNode {
  const all = [...new Map(shortcuts.value.map(one => [one.keys, one])).values()]
  const moves = all.filter(one => one.keys.startsWith('g '))
  const others = all.filter(one => !one.keys.startsWith('g '))
  const list = (shown: typeof all): VNode => (
    <dl class="keys">
      {shown.map(one => (
        <div class="row row-spread" key={one.keys}>
          <dt>{one.label}</dt>
          <dd class="row">{caps(one.keys).map((cap, index) => <kbd key={index}>{cap}</kbd>)}</dd>
        </div>
      ))}
    </dl>
  )
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose} wide>
      <div class="keys-columns">
        <section class="stack"><h3 class="faint">Here</h3>{list(others)}</section>
        <section class="stack"><h3 class="faint">Go to</h3>{list(moves)}</section>
      </div>
      <hr />
      <Checkbox label="Keys without Ctrl or Command are shortcuts." hint="Turn this off if you use voice control." checked={singleKeys.value} onChange={on => (singleKeys.value = on)} />
    </Dialog>
  )
}
