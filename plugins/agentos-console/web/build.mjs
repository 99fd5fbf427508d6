// Builds the console into ../agentos_console/static: hashed names, compressed beside, and a manifest.
//
//   node build.mjs            builds
//   node build.mjs --sizes    builds, and prints what each file weighs
//
// What is built is committed, so that a server needs no Node. The manifest has a hash of the sources: a test of the
// plugin fails when they change and nobody builds.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const client = join(here, '../../../clients/typescript/src')
const target = process.env.CONSOLE_STATIC ?? join(here, '../agentos_console/static')

/** All files below a folder, or the file itself. */
function files(path) {
  if (!existsSync(path)) return []
  const entries = readdirSync(path, { withFileTypes: true })
  return entries.flatMap(entry => {
    const found = join(path, entry.name)
    return entry.isDirectory() ? files(found) : [found]
  })
}

/** The hash of everything that the result depends on. agentos_console's tests compute the same. */
function hashSources() {
  const sources = [
    ...['build.mjs', 'package.json', 'package-lock.json', 'tsconfig.json'].map(name => ['web/' + name, join(here, name)]),
    ...files(join(here, 'src')).map(path => ['web/src/' + slashed(relative(join(here, 'src'), path)), path]),
    // schema.ts has types alone: nothing of it is in the result.
    ...files(client).filter(path => basename(path) !== 'schema.ts').map(path => ['client/' + slashed(relative(client, path)), path]),
  ]
  const hash = createHash('sha256')
  for (const [name, path] of sources.sort((one, other) => (one[0] < other[0] ? -1 : 1))) {
    hash.update(`${name}\0${createHash('sha256').update(readFileSync(path)).digest('hex')}\n`)
  }
  return hash.digest('hex')
}

const slashed = path => path.split(sep).join('/')

// One style sheet: the design system first, then what each view adds to it.
const sheets = files(join(here, 'src')).filter(path => path.endsWith('.css') && basename(path) !== 'design.css').sort()
const style = ['./styles/design.css', ...sheets.map(path => './' + slashed(relative(join(here, 'src'), path)))]

const options = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  charset: 'utf8',
  legalComments: 'none',
  target: ['chrome123', 'firefox120', 'safari17.5'],
  outdir: 'static',
  write: false,
  metafile: true,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  logLevel: 'warning',
}

/** The files that the application loads later, by `import()`: each becomes a chunk of its own. */
const later = new Set(
  files(join(here, 'src'))
    .filter(path => /\.tsx?$/.test(path))
    .flatMap(path => [...readFileSync(path, 'utf8').matchAll(/\bimport\('(\.[^']+)'\)/g)].map(found => join(dirname(path), found[1])))
    .flatMap(path => [path + '.tsx', path + '.ts']),
)

/**
 * Has every one of them, and the application, import the whole kit. esbuild makes a chunk for each set of entries that
 * share something: without this, nearly every component of the kit would be one, and a request.
 */
const oneKit = {
  name: 'one-kit',
  setup(builder) {
    const kit = files(join(here, 'src/kit')).filter(path => /\.tsx?$/.test(path)).sort()
    builder.onResolve({ filter: /^the-kit$/ }, () => ({ path: 'the-kit', namespace: 'kit', sideEffects: true }))
    builder.onLoad({ filter: /.*/, namespace: 'kit' }, () => ({ contents: kit.map(path => `import ${JSON.stringify(path)}`).join('\n'), resolveDir: here }))
    builder.onLoad({ filter: /\.tsx?$/, namespace: 'file' }, ({ path }) => {
      if (!later.has(path) && path !== join(here, 'src/main.tsx')) return undefined
      return { contents: `import 'the-kit'\n${readFileSync(path, 'utf8')}`, loader: path.endsWith('x') ? 'tsx' : 'ts' }
    })
  },
}

const [app, sheet, theme] = await Promise.all([
  build({
    ...options,
    plugins: [oneKit],
    entryPoints: ['src/main.tsx'],
    format: 'esm',
    splitting: true,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"' },
    // The client's sources stand beside, without packages of their own.
    alias: { '@agentos-server/client': join(client, 'index.ts') },
    nodePaths: [join(here, 'node_modules')],
  }),
  build({
    ...options,
    stdin: { contents: style.map(path => `@import ${JSON.stringify(path)};`).join('\n'), loader: 'css', resolveDir: join(here, 'src'), sourcefile: 'style.css' },
    entryNames: 'style-[hash]',
  }),
  build({ ...options, entryPoints: ['src/theme.ts'], format: 'iife' }),
])

rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })

const sizes = {}
function write(name, contents) {
  writeFileSync(join(target, name), contents)
  const brotli = brotliCompressSync(contents, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: contents.length },
  })
  writeFileSync(join(target, name + '.br'), brotli)
  writeFileSync(join(target, name + '.gz'), gzipSync(contents, { level: 9 }))
  sizes[name] = { bytes: contents.length, brotli: brotli.length }
}

const outputs = { ...app.metafile.outputs, ...sheet.metafile.outputs, ...theme.metafile.outputs }
for (const result of [app, sheet, theme]) {
  for (const file of result.outputFiles) write(basename(file.path), Buffer.from(file.contents))
}
const icon = readFileSync(join(here, 'src/icon.svg'))
const iconName = `icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8).toUpperCase()}.svg`
write(iconName, icon)

/** The licences of the packages that are in the result: they ask that their texts go with it. */
function licences() {
  const inputs = Object.entries(app.metafile.outputs).flatMap(([, output]) => Object.keys(output.inputs))
  const packages = new Set(inputs.map(path => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean))
  return [...packages].sort().map(name => {
    const folder = join(here, 'node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const texts = readdirSync(folder).filter(file => /^licen[cs]e/i.test(file)).sort()
    if (texts.length === 0) throw new Error(`${name} has no licence file`)
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, texts[0]), 'utf8').trim()}\n`
  }).join(`\n${'-'.repeat(80)}\n\n`)
}
writeFileSync(join(target, 'licenses.txt'), licences())

/** An entry, and all that it imports before it can begin. */
function withImports(path, found = new Set()) {
  if (found.has(path)) return found
  found.add(path)
  for (const one of outputs[path].imports) {
    if (one.kind === 'import-statement' && !one.external) withImports(one.path, found)
  }
  return found
}
const outputOf = source => Object.keys(outputs).find(path => outputs[path].entryPoint === source)
const entry = outputOf('src/main.tsx')
// The chat is what most people open first: its chunks are fetched along with the shell.
const first = new Set([...withImports(entry), ...[outputOf('src/chat/Chat.tsx')].filter(Boolean).flatMap(path => [...withImports(path)])])

const manifest = {
  sources: hashSources(),
  script: basename(entry),
  style: basename(Object.keys(sheet.metafile.outputs).find(path => path.endsWith('.css'))),
  theme: basename(outputOf('src/theme.ts')),
  icon: iconName,
  preload: [...first].map(path => basename(path)).filter(name => name !== basename(entry)).sort(),
  files: Object.fromEntries(Object.entries(sizes).sort()),
}
writeFileSync(join(target, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n')

const initial = [manifest.script, manifest.style, manifest.theme, manifest.icon, ...manifest.preload]
const total = initial.reduce((sum, name) => sum + sizes[name].brotli, 0)
console.log(`${Object.keys(sizes).length} files; the first view is ${(total / 1000).toFixed(1)} kB (brotli)`)
if (process.argv.includes('--sizes')) {
  for (const [name, size] of Object.entries(sizes)) console.log(`${String(size.brotli).padStart(8)}  ${initial.includes(name) ? '*' : ' '} ${name}`)
}
