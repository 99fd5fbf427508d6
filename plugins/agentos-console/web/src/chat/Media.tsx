import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { client } from '../app/session'
import { bytes, visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { tellError } from '../kit/toast'
import { hostOf, linkOf } from '../text/links'
import type { MediaDescription } from './types'
import type { Upload } from './uploads'

interface MediaProps {
  media: readonly MediaDescription[]
  runId: string | null
  uploads: readonly Upload[]
}

/** The files that came with a message. Pictures are shown; others can be saved; addresses are links. */
export function Media({ media, runId, uploads }: MediaProps): VNode | null {
  if (media.length === 0) return null
  return (
    <ul class="chat-media" role="list" aria-label="Files">
      {media.map((one, number) => (
        <li key={number}><One one={one} runId={runId} number={number} preview={uploads[number]?.preview ?? null} /></li>
      ))}
    </ul>
  )
}

const SHOWN = /^image\/(?:png|jpeg|gif|webp)$/

function One({ one, runId, number, preview }: { one: MediaDescription; runId: string | null; number: number; preview: string | null }): VNode {
  const [address, setAddress] = useState(preview)
  const isShown = one.url === undefined && one.type === 'image' && SHOWN.test(one.content_type ?? '')
  const name = visible(one.name ?? one.content_type ?? one.type)
  useEffect(() => {
    if (!isShown || preview !== null || runId === null) return
    const control = new AbortController()
    let made: string | null = null
    load(runId, number, control.signal)
      .then(blob => setAddress((made = URL.createObjectURL(blob))))
      .catch(() => {}) // What is gone stays a name.
    return () => {
      control.abort()
      if (made !== null) URL.revokeObjectURL(made)
    }
  }, [runId, number, isShown])

  if (one.url !== undefined) {
    const url = linkOf(one.url)
    const text = <><Icon name={one.type === 'image' ? 'image' : 'link'} /><span class="clip">{visible(one.name ?? one.url)}</span></>
    if (!url) return <span class="chat-file">{text}</span>
    return <a class="chat-file" href={url.href} target="_blank" rel="noopener noreferrer">{text}<span class="text-host">({hostOf(url)})</span></a>
  }
  if (isShown && address !== null) return <img class="chat-picture" src={address} alt={name} />
  const icon = <Icon name={one.type === 'image' ? 'image' : 'file'} />
  const size = one.size === undefined ? null : <span class="faint">{bytes(one.size)}</span>
  if (runId === null) return <span class="chat-file">{icon}<span class="clip">{name}</span>{size}</span>
  return (
    <button type="button" class="chat-file" title={`Save ${name}`} onClick={() => void save(runId, number, one.name ?? `file-${number}`)}>
      {icon}<span class="clip">{name}</span>{size}
    </button>
  )
}

/** The bytes of an attachment; they need the key, so that no address can show them. */
export async function load(runId: string, number: number, signal?: AbortSignal): Promise<Blob> {
  const path = `/api/v1/runs/${encodeURIComponent(runId)}/media/${number}`
  return (await client().open('GET', path, signal ? { signal } : {})).blob()
}

async function save(runId: string, number: number, name: string): Promise<void> {
  try {
    // Never a type that a browser would show in a page of ours.
    saveBlob(new Blob([await load(runId, number)], { type: 'application/octet-stream' }), name)
  } catch (error) {
    tellError(error, 'The file could not be fetched')
  }
}

/** Have the browser save something. */
export function saveBlob(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = address
  link.download = name.replace(/[^\p{L}\p{N}._ -]/gu, '_').slice(0, 120) || 'file'
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
