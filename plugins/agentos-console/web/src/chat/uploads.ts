// Files that are sent along: read, looked at, and refused early where the server would refuse them.
import type { RunBody } from '@agentos-server/client'
import { bytes, visible } from '../kit/format'
import type { MediaDescription } from './types'

/** The server's defaults: attachments of a run, one of them, and a whole request, in which they are a third larger. */
export const MOST = 32
export const LARGEST = 8 * 1024 ** 2
export const TOGETHER = 7 * 1024 ** 2

type Media = Extract<NonNullable<RunBody['media']>, readonly unknown[]>[number]

export interface Upload {
  id: number
  type: MediaDescription['type']
  name: string
  contentType: string
  size: number
  /** An address of this page that shows a picture. */
  preview: string | null
  body: Media
}

let ids = 0

/** Read files. Throws `TypeError` with what is wrong, in words for people. */
export async function read(files: readonly File[], before: readonly Upload[]): Promise<Upload[]> {
  if (before.length + files.length > MOST) throw new TypeError(`At most ${MOST} files can be sent with one message.`)
  let total = before.reduce((sum, one) => sum + one.size, 0)
  for (const file of files) {
    const name = visible(file.name)
    if (file.size === 0) throw new TypeError(`${name} is empty.`)
    if (file.size > LARGEST) throw new TypeError(`${name} has ${bytes(file.size)}; one file may have ${bytes(LARGEST)}.`)
    total += file.size
    if (total > TOGETHER) throw new TypeError(`With ${name}, the files have ${bytes(total)}; one message may have ${bytes(TOGETHER)}.`)
  }
  return Promise.all(files.map(file => uploadOf(file, file.name || 'file')))
}

export async function uploadOf(file: Blob, name: string): Promise<Upload> {
  const contentType = file.type || 'application/octet-stream'
  const type = kindOf(contentType)
  const preview = /^image\/(?:png|jpeg|gif|webp)$/.test(contentType) ? URL.createObjectURL(file) : null
  const body = { type, data: await base64(file), content_type: contentType, name: name.slice(0, 255) } as Media
  return { id: ++ids, type, name, contentType, size: file.size, preview, body }
}

/** Let the memory of a preview go. */
export function forget(upload: Upload): void {
  if (upload.preview !== null) URL.revokeObjectURL(upload.preview)
}

function kindOf(contentType: string): Upload['type'] {
  const kind = contentType.split('/')[0]
  return kind === 'image' || kind === 'audio' || kind === 'video' ? kind : 'file'
}

function base64(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''))
    reader.onerror = () => reject(new TypeError('The file could not be read.'))
    reader.readAsDataURL(file)
  })
}
