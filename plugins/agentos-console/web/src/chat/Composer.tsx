import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../kit/Button'
import { bytes, visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { tellError } from '../kit/toast'
import type { Draft } from './drafts'
import { forget, read, type Upload } from './uploads'

interface ComposerProps {
  draft: Draft
  /** Why nothing can be sent. */
  reason: string | undefined
  placeholder: string
  /** An answer is under way. */
  isAnswering: boolean
  onSend: (text: string, files: readonly Upload[]) => Promise<void>
  onStop: () => unknown
  stopReason: string | undefined
  /** What stands beside the button for files: the choice of the agent. */
  children?: ComponentChildren
}

/** Where a message is written. Enter sends; Shift and Enter begin a line; files are chosen, pasted or dropped. */
export function Composer({ draft, reason, placeholder, isAnswering, onSend, onStop, stopReason, children }: ComposerProps): VNode {
  const [busy, setBusy] = useState(false)
  const [reading, setReading] = useState(false)
  const [over, setOver] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const area = useRef<HTMLTextAreaElement>(null)
  // With a keyboard one writes at once; on a phone, the keyboard would cover the conversation.
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches && isFree(document.activeElement)) area.current?.focus({ preventScroll: true })
  }, [])
  const text = draft.text.value
  const files = draft.files.value
  const isEmpty = text.trim() === '' && files.length === 0

  const add = async (given: Iterable<File>): Promise<void> => {
    const chosen = [...given]
    if (chosen.length === 0) return
    setReading(true)
    try {
      draft.files.value = [...draft.files.value, ...(await read(chosen, draft.files.value))]
    } catch (error) {
      tellError(error)
    } finally {
      setReading(false)
    }
  }
  const send = async (): Promise<void> => {
    if (busy || reading || isEmpty || reason !== undefined) return
    setBusy(true)
    try {
      await onSend(text, files)
      // What was added meanwhile is the next message's.
      const now = draft.text.value
      draft.text.value = now.startsWith(text) ? now.slice(text.length).trimStart() : now
      draft.files.value = draft.files.value.filter(file => !files.includes(file))
    } catch (error) {
      tellError(error, 'The message was not sent')
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      class={over ? 'composer is-over' : 'composer'}
      aria-label="New message"
      onSubmit={event => {
        event.preventDefault()
        void send()
      }}
      onDragOver={event => {
        if (!event.dataTransfer?.types.includes('Files')) return
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={event => !event.currentTarget.contains(event.relatedTarget as Node | null) && setOver(false)}
      onDrop={event => {
        setOver(false)
        if (!event.dataTransfer?.files.length) return
        event.preventDefault()
        void add(event.dataTransfer.files)
      }}
    >
      {files.length > 0 && <Files files={files} onRemove={file => remove(draft, file)} />}
      <textarea
        ref={area}
        class="composer-text"
        aria-label="Message"
        data-composer
        rows={1}
        placeholder={over ? 'Drop the files here' : placeholder}
        value={text}
        onInput={event => (draft.text.value = event.currentTarget.value)}
        onKeyDown={event => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
          event.preventDefault()
          void send()
        }}
        onPaste={event => {
          const pasted = event.clipboardData?.files
          if (!pasted?.length) return
          event.preventDefault()
          void add(pasted)
        }}
      />
      <div class="composer-bar">
        <input
          ref={input}
          type="file"
          multiple
          class="sr-only"
          tabIndex={-1}
          aria-label="Files"
          onChange={event => {
            const { currentTarget } = event
            void add(currentTarget.files ?? []).finally(() => (currentTarget.value = ''))
          }}
        />
        <Button kind="quiet" icon="clip" label="Attach files" busy={reading} onClick={() => input.current?.click()} />
        {children}
        <span class="grow" />
        {isAnswering && <Button icon="stop" reason={stopReason} onClick={onStop}>Stop</Button>}
        <Button type="submit" kind="primary" icon="send" label="Send" busy={busy} reason={reason ?? (isEmpty ? 'Write something first.' : undefined)} />
      </div>
    </form>
  )
}

/** Whether the focus is nowhere in particular. */
const isFree = (element: Element | null): boolean => element === null || element === document.body || element.tagName === 'MAIN'

function remove(draft: Draft, file: Upload): void {
  forget(file)
  draft.files.value = draft.files.value.filter(one => one !== file)
}

function Files({ files, onRemove }: { files: readonly Upload[]; onRemove: (file: Upload) => void }): VNode {
  return (
    <ul class="composer-files" role="list" aria-label="Files to send">
      {files.map(file => (
        <li key={file.id} class="composer-file">
          {file.preview === null ? <Icon name="file" /> : <img src={file.preview} alt="" />}
          <span class="clip" title={visible(file.name)}>{visible(file.name)}</span>
          <span class="faint">{bytes(file.size)}</span>
          <Button kind="quiet" small icon="close" label={`Remove ${visible(file.name)}`} onClick={() => onRemove(file)} />
        </li>
      ))}
    </ul>
  )
}
