// The one way from HTML text into the page. DOMPurify parses it (with its own trusted types policy) and leaves the
// elements and attributes that are named here; links get what they need.
import createDOMPurify, { type Config, type DOMPurify } from 'dompurify'
import { hostOf, imageOf, linkOf, saysHost } from './links'
import { showControls } from './visible'

const TEXT: Config = {
  ALLOWED_TAGS: [
    ...['p', 'br', 'hr', 'h3', 'h4', 'h5', 'h6', 'strong', 'em', 'del', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li'],
    ...['table', 'thead', 'tbody', 'tr', 'th', 'td', 'a', 'img'],
  ],
  ALLOWED_ATTR: ['href', 'src', 'alt', 'start', 'align', 'data-language', 'data-task'],
}

const HIGHLIGHTED: Config = { ALLOWED_TAGS: ['span'], ALLOWED_ATTR: ['class'] }

const COMMON: Config = {
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_NAMESPACES: ['http://www.w3.org/1999/xhtml'],
  KEEP_CONTENT: true,
  RETURN_DOM_FRAGMENT: true,
}

/** What an attribute's value may be, by name. */
const VALUES: Record<string, (value: string, element: Element) => boolean> = {
  href: (value, element) => element.tagName === 'A' && linkOf(value) !== null,
  src: (value, element) => element.tagName === 'IMG' && imageOf(value),
  alt: (_, element) => element.tagName === 'IMG',
  start: value => /^\d{1,9}$/.test(value),
  align: value => /^(?:left|center|right)$/.test(value),
  'data-language': (value, element) => element.tagName === 'PRE' && /^[\w+#.-]{0,30}$/.test(value),
  'data-task': (value, element) => element.tagName === 'LI' && value === '',
  class: value => /^(?:hljs-[\w-]{1,30}|[a-z]+_)(?: (?:hljs-[\w-]{1,30}|[a-z]+_))*$/.test(value),
}

let purifier: DOMPurify | null = null

function purify(html: string, config: Config): DocumentFragment {
  if (!purifier) {
    purifier = createDOMPurify(window)
    purifier.addHook('uponSanitizeAttribute', (element, attribute) => {
      attribute.keepAttr = VALUES[attribute.attrName]?.(attribute.attrValue, element) ?? false
      // What was looked at here is stricter than what DOMPurify would ask next.
      attribute.forceKeepAttr = attribute.keepAttr
    })
  }
  return purifier.sanitize(html, { ...config, ...COMMON }) as unknown as DocumentFragment
}

/** HTML of a text, made safe. */
export function textFragment(html: string): DocumentFragment {
  const fragment = purify(html, TEXT)
  for (const link of fragment.querySelectorAll('a')) finishLink(link)
  for (const image of fragment.querySelectorAll('img')) {
    if (!image.hasAttribute('src')) image.replaceWith(image.alt || 'picture')
  }
  return fragment
}

/** HTML of highlighted code, made safe. */
export const codeFragment = (html: string): DocumentFragment => purify(html, HIGHLIGHTED)

function finishLink(link: HTMLAnchorElement): void {
  const url = linkOf(link.getAttribute('href') ?? '')
  if (!url) {
    link.replaceWith(...link.childNodes)
    return
  }
  link.target = '_blank'
  link.rel = 'noopener noreferrer'
  if (saysHost(link.textContent ?? '', url)) return
  const host = document.createElement('span')
  host.className = 'text-host'
  host.textContent = ` (${showControls(hostOf(url))})`
  link.append(host)
}
