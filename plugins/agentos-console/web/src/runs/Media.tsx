import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { client } from '../app/session'
import { Button } from '../kit/Button'
import { bytes, visible } from '../kit/format'
import { Icon } from '../kit/Icon'
import { tellError } from '../kit/toast'

type MediaDescription = Schemas['MediaDescription']

const PICTURES = /^image\/(png|jpeg|gif|webp|avif)$/
const MOST_SHOWN = 10_000_000

interface MediaProps {
  runId: string
  media: readonly MediaDescription[]
}

/** The attachments of a run. Pictures are shown, the rest can be saved. An address of another host is a text. */
export function Media({ runId, media }: MediaProps): VNode {
  return (
    <ul role="list" class="run-media">
      {media.map((one, at) => (
        <Attachment key={at} path={`/api/v1/runs/${encodeURIComponent(runId)}/media/${at}`} media={one} />
      ))}
    </ul>
  )
}

function Attachment({ path, media }: { path: string; media: MediaDescription }): VNode {
  const name = media.name ?? media.type
  const isHere = media.size !== undefined
  const isPicture = isHere && PICTURES.test(media.content_type ?? '') && (media.size ?? 0) <= MOST_SHOWN
  const [address, setAddress] = useState<string>()
  useEffect(() => {
    if (!isPicture) return
    const control = new AbortController()
    let made: string | undefined
    void read(path, control.signal).then(
      blob => {
        made = URL.createObjectURL(blob)
        setAddress(made)
      },
      // The name, type and size stay in view.
      () => undefined,
    )
    return () => {
      control.abort()
      if (made !== undefined) URL.revokeObjectURL(made)
    }
  }, [path, isPicture])
  const save = async (): Promise<void> => {
    try {
      const made = URL.createObjectURL(await read(path))
      const link = document.createElement('a')
      link.href = made
      link.download = name
      link.click()
      setTimeout(() => URL.revokeObjectURL(made), 60_000)
    } catch (error) {
      tellError(error, 'The attachment could not be read')
    }
  }
  return (
    <li class="panel run-attachment">
      {address !== undefined && <img src={address} alt={visible(name)} />}
      <div class="row">
        <Icon name={media.type === 'image' ? 'image' : 'file'} />
        <div class="grow">
          <div class="clip">{visible(name)}</div>
          <div class="small faint">
            {visible(media.content_type ?? media.type)}
            {media.size !== undefined && `, ${bytes(media.size)}`}
          </div>
          {media.url !== undefined && <div class="small mono">{visible(media.url)}</div>}
        </div>
        {isHere && <Button kind="quiet" small icon="download" label={`Save ${visible(name)}`} onClick={save} />}
      </div>
    </li>
  )
}

async function read(path: string, signal?: AbortSignal): Promise<Blob> {
  return (await client().open('GET', path, signal === undefined ? {} : { signal })).blob()
}
