// Which addresses a text may link to, and what is shown of them.
import { visible } from '../kit/format'

/** The address of a link that may be opened; null for any other: javascript:, data:, paths of this server. */
export function linkOf(href: string): URL | null {
  if (!/^(?:https?:\/\/|mailto:)/i.test(href) || href.length > 4000) return null
  try {
    return new URL(href)
  } catch {
    return null
  }
}

/** Where a link leads, for people: the host, in ASCII, so that no letter looks like another. */
export function hostOf(url: URL): string {
  return visible(url.protocol === 'mailto:' ? url.pathname : url.host)
}

/** Whether the text of a link says by itself where it leads. */
export function saysHost(text: string, url: URL): boolean {
  const said = text.trim().toLowerCase().replace(/^(?:https?:\/\/|mailto:)/, '')
  const host = hostOf(url).toLowerCase()
  return said === host || ['/', '?', '#'].some(next => said.startsWith(host + next))
}

/** Whether a picture is in the address itself. */
export const imageOf = (src: string): boolean =>
  /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z0-9+/=]+$/i.test(src) && src.length < 2_000_000
