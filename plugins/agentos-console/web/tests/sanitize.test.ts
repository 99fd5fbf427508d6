import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page'
import { blocksOf, BlockStream } from '../src/text/blocks'
import { html } from '../src/text/html'
import { TextView } from '../src/text/render'
import { codeFragment, textFragment } from '../src/text/sanitize'

function shown(markdown: string): HTMLElement {
  const root = document.createElement('div')
  const view = new TextView(root)
  const blocks = blocksOf(markdown)
  while (view.update(blocks));
  return root
}

const safe = (text: string): string => {
  const box = document.createElement('div')
  box.append(textFragment(text))
  return box.innerHTML
}

test('what runs, loads, posts or frames is taken out of HTML', () => {
  for (const text of [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<svg onload=alert(1)><script>alert(1)</script><use href="data:x"></use></svg>',
    '<math><mi xlink:href="javascript:alert(1)">x</mi></math>',
    '<iframe src="https://example.com"></iframe><object data=x></object><embed src=x>',
    '<form action="https://example.com"><input name=key><button>Send</button></form>',
    '<style>body{display:none}</style><link rel=stylesheet href=x><base href="https://example.com/"><meta http-equiv=refresh content=0>',
    '<video src=x></video><audio src=x></audio><picture><source srcset=x></picture>',
    '<template><img src=x onerror=alert(1)></template><noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
    '<p is="x-y" slot=a part=b onclick=alert(1) onpointerenter=alert(1)>',
  ]) {
    assert.doesNotMatch(safe(text), /<(?!\/?p>)|on\w+=|javascript:|https?:/i, text)
  }
})

test('ids, names, classes and styles are dropped', () => {
  assert.equal(safe('<p id="location" name="body" class="toast" style="position:fixed" hidden>a</p>'), '<p>a</p>')
  assert.equal(safe('<a name="x" id="y">a</a>'), 'a')
  assert.equal(safe('<pre data-language="a b" data-x="1" aria-hidden="true">a</pre>'), '<pre>a</pre>')
})

test('only addresses of the web and of mail are links', () => {
  for (const href of [
    ...['javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' javascript:alert(1)', 'java\nscript:alert(1)', 'data:text/html,x', 'vbscript:x'],
    ...['file:///etc/passwd', '#/operate/keys', '/api/v1/runs', '//example.com', 'about:blank', 'blob:https://x/y', 'https://', 'http://[', ''],
  ]) {
    assert.equal(safe(`<a href="${href}">a</a>`), 'a', href)
  }
})

test('a link is opened without an opener or referrer, and says where it leads', () => {
  const link = shown('[your bank](https://user@evil.example:444/login)').querySelector('a')
  assert.equal(link?.rel, 'noopener noreferrer')
  assert.equal(link?.target, '_blank')
  assert.equal(link?.textContent, 'your bank (evil.example:444)')
})

test('a link that is its own address says it once, and a likeness is not enough', () => {
  assert.equal(shown('https://example.com/a').textContent, 'https://example.com/a')
  assert.equal(shown('[example.com](https://example.com.evil.example/)').textContent, 'example.com (example.com.evil.example)')
  assert.equal(shown('[example.com@evil](https://example.com/)').textContent, 'example.com@evil (example.com)')
})

test('letters of other scripts in a host are written in ASCII', () => {
  assert.match(shown('[bank](https://аррӏе.example/)').textContent ?? '', /\(xn--/)
})

test('foreign pictures are links, and pictures in the text itself are shown', () => {
  const foreign = shown('![a cat](https://example.com/cat.png)')
  assert.equal(foreign.querySelector('img'), null)
  assert.equal(foreign.querySelector('a')?.textContent, 'a cat (example.com)')
  const own = shown('![dot](data:image/png;base64,iVBORw0KGgo=)')
  assert.equal(own.querySelector('img')?.alt, 'dot')
  for (const src of ['data:image/svg+xml;base64,PHN2Zy8+', 'data:text/html;base64,PHN2Zy8+', '/api/v1/me', 'javascript:x']) {
    const text = shown(`![x](${src})`)
    assert.equal(text.querySelector('img, a'), null, src)
    assert.equal(text.textContent, 'x')
  }
})

test('tags in a text are shown as they were written, and a break in a cell breaks', () => {
  assert.equal(shown('<b>bold</b> and <script>x</script>').textContent, '<b>bold</b> and <script>x</script>')
  assert.equal(shown('<div onclick="x">\n\na').textContent?.trim(), '<div onclick="x">\na'.replace('\n', ''))
  const cell = shown('| a |\n|---|\n| b<br>c<i>d |').querySelector('td')
  assert.equal(cell?.querySelectorAll('br').length, 1)
  assert.equal(cell?.textContent, 'bc<i>d')
})

test('Markdown around a tag is read as Markdown', () => {
  assert.equal(shown('> <div>\n> **a**\n> </div>').querySelector('strong')?.textContent, 'a')
})

test('letters that turn the direction of a text are made visible', () => {
  const text = shown('safe\u202Efdp.exe `\u2066x` [a\u202Eb](https://example.com/)\n\n```\n\u202Ecode\n```\n')
  assert.doesNotMatch(text.textContent ?? '', /[\u202a-\u202e\u2066-\u2069]/)
  assert.match(text.textContent ?? '', /safe⟨U\+202E⟩fdp\.exe/)
})

test('letters of other scripts and emoji are left as they are', () => {
  for (const text of ['שלום עולם', 'مرحبا', '👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️', 'नमस्ते']) assert.equal(shown(text).textContent, text)
})

function depthOf(element: Element): number {
  let depth = 0
  for (let node: Element | null = element; node; node = node.parentElement) depth += 1
  return depth
}

test('depth, marks and brackets without end cost little and lose no letter', () => {
  const texts = {
    quotes: '>'.repeat(10_000) + ' deep',
    'some quotes': '>'.repeat(200) + ' deep',
    'quotes of lists': '> - '.repeat(3_000) + 'deep',
    lists: Array.from({ length: 400 }, (_, depth) => '  '.repeat(depth) + '- x').join('\n'),
    brackets: '['.repeat(20_000),
    'links in links': '[a]('.repeat(10_000),
    pictures: '![a]('.repeat(10_000),
    stars: '*a '.repeat(20_000),
    'open emphasis': '**a *b '.repeat(5_000),
    lines: '_a_ __b '.repeat(5_000),
    code: '`a ``b '.repeat(5_000),
    tags: '<a '.repeat(20_000),
    comments: '<!--'.repeat(10_000),
    entities: '&amp'.repeat(20_000),
    addresses: 'http://a.b '.repeat(400),
    mail: 'a@b.c'.repeat(500),
    pipes: '|a'.repeat(300) + '|\n' + '|-'.repeat(300) + '|\n' + ('|b'.repeat(300) + '|\n').repeat(10),
    backslashes: '\\'.repeat(50_000),
    tildes: '~~a '.repeat(10_000),
    definitions: '[a]: https://example.com/\n'.repeat(2_000) + '\n' + '[a] '.repeat(300),
    spaces: ' '.repeat(50_000) + 'x' + '\t'.repeat(50_000),
  }
  for (const [name, text] of Object.entries(texts)) {
    const start = performance.now()
    const found = shown(text)
    const took = performance.now() - start
    assert.ok(took < 30_000, `${name} took ${took} ms`)
    if (/deep/.test(text)) assert.match(found.textContent ?? '', /deep/, name)
    const depth = Math.max(...[...found.querySelectorAll('*')].map(depthOf), 0)
    assert.ok(depth > 0 && depth < 80, `${name} is ${depth} deep`)
  }
})

test('a text looks the same however it arrived', () => {
  const text = '# A\n\nb *c* [d][e]\n\n1. x\n2. y\n   ```js\n   z\n   ```\n\n| a | b |\n|:-:|---|\n| 1 | 2 |\n\n```py\nq\n```\n\n[e]: https://example.com/\n\nend'
  const root = document.createElement('div')
  const view = new TextView(root)
  const stream = new BlockStream()
  for (const letter of text) {
    stream.append(letter)
    view.update(stream)
  }
  stream.finish()
  while (view.update(stream));
  assert.equal(root.innerHTML, shown(text).innerHTML)
  assert.equal(root.querySelector('a')?.getAttribute('href'), 'https://example.com/')
})

test('nodes that are frozen stay the same nodes while a text grows', () => {
  const root = document.createElement('div')
  const view = new TextView(root)
  const stream = new BlockStream()
  stream.append('First.\n\nSecond')
  while (view.update(stream));
  const first = root.firstChild
  stream.append(' grows.\n\nThird')
  while (view.update(stream));
  assert.equal(root.firstChild, first)
  assert.equal(root.textContent?.replace(/\n/g, ''), 'First.Second grows.Third')
})

test('headings continue the outline of the page without a gap', () => {
  const levels = [...shown('### A\n\n##### B\n\n# C\n\ntext\n\n###### D').querySelectorAll('h3, h4, h5, h6')].map(one => one.tagName + one.textContent)
  assert.deepEqual(levels, ['H3A', 'H4B', 'H3C', 'H4D'])
})

test('highlighted code keeps its colours and nothing else', () => {
  const box = document.createElement('div')
  box.append(codeFragment('<span class="hljs-title function_">f</span><span class="toast" id=x>g</span><img src=x onerror=y>'))
  assert.equal(box.innerHTML, '<span class="hljs-title function_">f</span><span>g</span>')
})

test('HTML that marked makes has no attribute that was not meant', () => {
  assert.doesNotMatch(html('[a](https://example.com "on\\"click=x") ![b"><script>](x "y")'), /onclick|<script/)
})
