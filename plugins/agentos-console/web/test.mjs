// Runs the unit tests of the sources with Node's own runner: `node test.mjs`, or `node test.mjs blocks` for some. esbuild takes the types out.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const wanted = process.argv.slice(2)
const target = mkdtempSync(join(tmpdir(), 'agentos-console-tests-'))
try {
  const names = readdirSync(join(here, 'tests')).filter(name => name.endsWith('.test.ts') && (wanted.length === 0 || wanted.some(one => name.startsWith(one))))
  await build({
    absWorkingDir: here,
    entryPoints: names.map(name => join('tests', name)),
    outdir: target,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
    sourcemap: 'inline',
    alias: { '@agentos-server/client': join(here, '../../../clients/typescript/src/index.ts') },
    nodePaths: [join(here, 'node_modules')],
    plugins: [
      {
        // Not bundled: a copy of every browser would be in each test. Imported from where it is installed.
        name: 'jsdom',
        setup: hooks =>
          hooks.onResolve({ filter: /^jsdom$/ }, async () => ({
            path: pathToFileURL(join(here, 'node_modules/jsdom/lib/api.js')).href,
            external: true,
          })),
      },
    ],
  })
  const files = names.map(name => join(target, name.replace(/\.ts$/, '.mjs')))
  const { status } = spawnSync(process.execPath, ['--test', '--enable-source-maps', ...files], { stdio: 'inherit' })
  process.exitCode = status ?? 1
} finally {
  rmSync(target, { recursive: true, force: true })
}
