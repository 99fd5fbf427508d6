import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from './Button'
import { tellError } from './toast'

/** A button that copies a text. */
export function Copy({ text, label = 'Copy', small = true }: { text: string; label?: string; small?: boolean }): VNode {
  const [done, setDone] = useState(false)
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text)
      setDone(true)
      setTimeout(() => setDone(false), 1500)
    } catch (error) {
      tellError(error, 'The text could not be copied')
    }
  }
  return (
    <>
      <Button kind="quiet" small={small} icon={done ? 'check' : 'copy'} label={label} onClick={copy} />
      <span class="sr-only" role="status">{done ? 'Copied' : ''}</span>
    </>
  )
}
