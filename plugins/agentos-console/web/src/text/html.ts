// Markdown to HTML, which still has to go through sanitize.ts. Tags in the text are shown as they stand, pictures
// become links, and neither depth nor a great many marks can cost much.
import { Lexer, Parser, Renderer, Tokenizer, type MarkedOptions, type Token, type Tokens, type TokensList } from 'marked'
import { imageOf } from './links'
import { showControls } from './visible'

/** Quotes and lists in each other. */
export const DEPTH = 12
/** Marks of emphasis, code and links in one paragraph or cell; marked takes quadratic time for them. */
export const MARKS = 600

class LimitedLexer extends Lexer {
  #depth = 0

  override blockTokens(src: string, tokens: Token[] = [], ...more: [boolean?]): Token[] & TokensList {
    if (this.#depth >= DEPTH) {
      tokens.push(plain(src))
      return tokens as Token[] & TokensList
    }
    this.#depth += 1
    try {
      return super.blockTokens(src, tokens as Token[] & TokensList, ...more) as Token[] & TokensList
    } finally {
      this.#depth -= 1
    }
  }

  override inlineTokens(given: string, tokens: Token[] = []): Token[] {
    const src = unwrapped(given)
    if (src.length > MARKS && count(src) > MARKS) {
      tokens.push(plain(src))
      return tokens
    }
    return super.inlineTokens(src, tokens)
  }
}

/** Characters from which a line was wrapped by a machine. A shorter one, as of a poem or an address, was meant to end. */
const WRAPPED = 56

/** A text without the line breaks that only wrap it. */
const unwrapped = (text: string): string =>
  text.includes('\n') ? text.replace(/^(.*\S)\n(?=.)/gm, (all, line: string) => (line.length < WRAPPED || line.endsWith('\\') ? all : `${line} `)) : text

const plain = (text: string): Tokens.Text => ({ type: 'text', raw: text, text, escaped: false })

const count = (text: string): number => (text.match(/[*_~`[\]<!]/g) ?? []).length

/** Tags are text. Only a line break is a line break, which models write in cells. */
class PlainTokenizer extends Tokenizer {
  override html(): undefined {}

  override tag(src: string): Tokens.Tag | undefined {
    const found = /^<br\s*\/?>/i.exec(src)
    if (!found) return undefined
    return { type: 'html', raw: found[0], inLink: false, inRawBlock: false, block: false, text: '\n' } as Tokens.Tag
  }
}

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`)

class PlainRenderer extends Renderer {
  override html(token: Tokens.HTML | Tokens.Tag): string {
    return token.text === '\n' ? '<br>' : escape(token.text)
  }

  override text(token: Tokens.Text | Tokens.Escape): string {
    return 'tokens' in token && token.tokens ? this.parser.parseInline(token.tokens) : escape(showControls(token.text))
  }

  override codespan({ text }: Tokens.Codespan): string {
    return `<code>${escape(showControls(text))}</code>`
  }

  override code({ text, lang }: Tokens.Code): string {
    const language = /^[\w+#.-]{1,30}/.exec(lang ?? '')?.[0] ?? ''
    return `<pre data-language="${escape(language)}"><code>${escape(showControls(text))}</code></pre>`
  }

  /** Below the headings of the page. */
  override heading({ tokens, depth }: Tokens.Heading): string {
    const level = Math.min(depth + 2, 6)
    return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`
  }

  override listitem(item: Tokens.ListItem): string {
    const text = this.parser.parse(item.tokens)
    return item.task ? `<li data-task="">${text}</li>` : `<li>${text}</li>`
  }

  override checkbox({ checked }: Tokens.Checkbox): string {
    return checked ? '☑ ' : '☐ '
  }

  override link({ href, tokens }: Tokens.Link): string {
    return `<a href="${escape(href)}">${this.parser.parseInline(tokens)}</a>`
  }

  override image({ href, text }: Tokens.Image): string {
    const name = escape(showControls(text || 'picture'))
    return imageOf(href) ? `<img src="${escape(href)}" alt="${name}">` : `<a href="${escape(href)}">${name}</a>`
  }
}

const options: MarkedOptions = { gfm: true, breaks: true, tokenizer: new PlainTokenizer(), renderer: new PlainRenderer() }

function lexer(): Lexer {
  const made = new LimitedLexer(options)
  return made
}

/** Blocks of Markdown as HTML; `definitions` are link definitions that stand elsewhere. */
export function html(source: string, definitions = ''): string {
  return tried(source, () => {
    const made = lexer()
    if (definitions) made.lex(definitions)
    const { links } = made.tokens
    const next = lexer()
    Object.assign(next.tokens.links, links)
    return new Parser(options).parse(next.lex(source))
  })
}

/** A part of a paragraph as HTML. */
export function inlineHtml(source: string, definitions = ''): string {
  return tried(source, () => {
    const made = lexer()
    if (definitions) made.lex(definitions)
    const next = lexer()
    Object.assign(next.tokens.links, made.tokens.links)
    return new Parser(options).parseInline(next.inlineTokens(source))
  })
}

/** What makes marked fail, an overflow of the stack for example, is shown as text. */
function tried(source: string, make: () => string): string {
  try {
    return make()
  } catch {
    return `<p>${escape(source)}</p>`
  }
}
