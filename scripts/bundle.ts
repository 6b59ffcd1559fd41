// Makes `dist` out of the sources and of the type declarations that tsc has left in
// `dist/declarations`. It writes:
//
//   dist/package.json         says that .js is CommonJS here
//   dist/cli/respite.js       loads the program, all of it: Node compiles nothing else
//   dist/cli/program.js       the program
//   dist/<entry>.js, .d.ts    files that `require` finds
//   dist/<entry>.mjs, .d.mts  files that `import` finds: the same things, handed on
//   dist/core.js              the code they share and need at once
//   dist/<part>.js            code that is loaded when it is first used (parts.ts)
//   dist/replicated-log/log-worker.js   all code of a replicated log's thread: it loads nothing else
//   dist/console/             the page of the console (console-page.ts)
//   dist/**/*.d.ts            the declarations that the entries reach
//
// Packages stay packages. `docs/decisions/0025-two-module-systems.md` tells why CommonJS holds the
// code.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { type OutputChunk, rolldown } from 'rolldown'
import { minifySync } from 'rolldown/utils'
import { writeConsolePage } from './console-page.ts'
import { reachedDeclarations } from './declarations.ts'
import { ENTRY_FILES, packageExports, packageTypes } from './entries.ts'
import { withPlainNodeModules } from './node-modules.ts'
import { coreWithParts, entryWithParts, partOf, partWithCore } from './parts.ts'
import { plainReads } from './plain-reads.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')
const DECLARATIONS = join(DIST, 'declarations')

/** The file that everything shares, and the bundler's own. */
const CORE = 'core'
const RUNTIME = 'rolldown-runtime'

/**
 * A reference that declares Symbol.asyncDispose and AsyncDisposable, with any `lib` and any
 * declarations of Node.
 */
const NEEDED_LIBRARY = '/// <reference lib="esnext.disposable" />\n'

/**
 * The end of an entry with a default export: `require` returns the default, which has all other
 * exports, itself included.
 */
const DEFAULT_IS_MODULE = `{
  const made = exports.default
  for (const name of Object.getOwnPropertyNames(exports)) {
    if (!Object.hasOwn(made, name)) Object.defineProperty(made, name, Object.getOwnPropertyDescriptor(exports, name))
  }
  module.exports = made
}
`

const declarations = reachedDeclarations(
  ENTRY_FILES.map((entry) => `${entry}.d.ts`),
  (path) => readFileSync(join(DECLARATIONS, path), 'utf8'),
)
for (const name of readdirSync(DIST)) rmSync(join(DIST, name), { recursive: true })
writeFileSync(join(DIST, 'package.json'), '{ "type": "commonjs" }\n')
const entries = {
  'cli/program': join(ROOT, 'src/cli/program.ts'),
  ...Object.fromEntries(ENTRY_FILES.map((entry) => [entry, join(ROOT, `src/${entry}.ts`)])),
}
await bundleCode({ 'cli/respite': join(ROOT, 'src/cli/respite.ts') }, () => null)
await bundleCode({ 'replicated-log/log-worker': join(ROOT, 'src/replicated-log/worker/log-worker.ts') }, () => null)
const chunks = await bundleCode(entries, fileOf)
loadPartsLater(chunks)
for (const chunk of chunks) {
  const entry = ENTRY_FILES.find((name) => chunk.fileName === `${name}.js`)
  if (entry === undefined) continue
  const file = join(DIST, entry)
  if (chunk.exports.includes('default'))
    writeFileSync(`${file}.js`, readFileSync(`${file}.js`, 'utf8') + DEFAULT_IS_MODULE)
  writeFileSync(`${file}.mjs`, handOn(entry, chunk.exports))
  writeFileSync(`${file}.d.mts`, declareHandedOn(entry, chunk.exports))
}
withoutBlanks(['cli/respite.js', 'replicated-log/log-worker.js', ...chunks.map(({ fileName }) => fileName)])
await writeConsolePage(join(ROOT, 'src/console'), join(DIST, 'console'))
for (const [file, text] of declarations) write(join(DIST, file), NEEDED_LIBRARY + text)
writeExports()

/**
 * Writes entries and the files they need. `fileOf` names the file of a source; null = the bundler
 * chooses.
 */
async function bundleCode(
  input: Readonly<Record<string, string>>,
  fileOf: (id: string) => string | null,
): Promise<OutputChunk[]> {
  const bundle = await rolldown({
    // Entries export their own names; this way of splitting needs `allow-extension`.
    preserveEntrySignatures: 'allow-extension',
    input: { ...input },
    platform: 'node',
    transform: {
      target: 'es2022',
      // Not the checked build (util/invariant.ts): the guarded code is removed.
      define: { 'process.env.RESPITE_CHECKED': 'undefined', 'process.env.RESPITE_RESTLESS': 'undefined' },
    },
    external: /^[^./]/,
    plugins: [plainReads({ checked: false })],
  })
  const { output } = await bundle.write({
    dir: DIST,
    format: 'cjs',
    // An entry with a default export has it by the name `default`, whatever else it has.
    exports: 'named',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    // Between files a name is looked up in an object at every use. So code that works together
    // stays in one file.
    codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: fileOf, test: /src/ }] },
    // A top-level constant that became `var` is no constant to V8 any more, which then loads and
    // checks it at every use.
    topLevelVar: false,
    // V8 need not read comments; people read them in the sources.
    comments: false,
    // Jest, by default, has no `import()`.
    dynamicImportInCjs: false,
  })
  await bundle.close()
  const chunks = output.filter((part) => part.type === 'chunk')
  for (const { fileName } of chunks) {
    const file = join(DIST, fileName)
    writeFileSync(file, withPlainNodeModules(readFileSync(file, 'utf8')))
  }
  return chunks
}

/**
 * Removes indentation and line breaks: a tenth of the package's size. All names stay, so that stack
 * traces can be read.
 */
function withoutBlanks(files: readonly string[]): void {
  for (const name of files) {
    const file = join(DIST, name)
    const { code, errors } = minifySync(name, readFileSync(file, 'utf8'), {
      compress: false,
      mangle: false,
      codegen: { removeWhitespace: true },
    })
    if (errors.length > 0) throw errors[0]
    writeFileSync(file, code)
  }
}

/**
 * The file of a source: the core, or a part. For entries, and for code that only one of them needs,
 * the bundler chooses.
 */
function fileOf(id: string): string | null {
  const source = relative(join(ROOT, 'src'), id)
  return isOfEntries(source) ? null : (partOf(source) ?? CORE)
}

function isOfEntries(source: string): boolean {
  return /^(cli|prover|drop-in)\//.test(source) || ENTRY_FILES.includes(source.replace(/\.ts$/, ''))
}

/** Rewrites the bundler's output, so that parts are loaded when they are first used. */
function loadPartsLater(chunks: readonly OutputChunk[]): void {
  const read = (name: string): string => readFileSync(join(DIST, `${name}.js`), 'utf8')
  const names = chunks.map(({ fileName }) => fileName.replace(/\.js$/, ''))
  const parts = new Set(
    chunks.flatMap(({ moduleIds }) => moduleIds.map((id) => partOf(relative(join(ROOT, 'src'), id)) ?? [])).flat(),
  )
  const core = read(CORE)
  for (const name of names) {
    if (name === RUNTIME) continue
    const code = name === CORE ? core : read(name)
    const changed =
      name === CORE
        ? coreWithParts(code, [...parts])
        : parts.has(name)
          ? partWithCore(code, [...parts], core)
          : entryWithParts(code, [...parts])
    writeFileSync(join(DIST, `${name}.js`), inAscii(changed))
  }
}

/**
 * Returns code without other characters than ASCII's, so that V8 keeps it, and reads it, at one
 * byte a character. None may stand in `String.raw`.
 */
function inAscii(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * An ES module with the things of an entry. There is one instance of each, so that an error is
 * `instanceof` its class in every module.
 */
function handOn(entry: string, names: readonly string[]): string {
  const named = names.filter((name) => name !== 'default')
  const lines = [`import entry from './${basename(entry)}.js'`, `export const { ${named.join(', ')} } = entry`]
  if (names.includes('default')) lines.push('export default entry.default')
  return `${lines.join('\n')}\n`
}

/** The same of its types. */
function declareHandedOn(entry: string, names: readonly string[]): string {
  const file = `./${basename(entry)}.js`
  const lines = [`export * from '${file}'`]
  if (names.includes('default')) {
    lines.push(`import entry from '${file}'`, 'declare const made: typeof entry.default', 'export default made')
  }
  return `${lines.join('\n')}\n`
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** Writes the entries into package.json, if they have changed. */
function writeExports(): void {
  const file = join(ROOT, 'package.json')
  const text = readFileSync(file, 'utf8')
  const updated = `${JSON.stringify({ ...JSON.parse(text), exports: packageExports(), typesVersions: packageTypes() }, null, 2)}\n`
  if (updated !== text) writeFileSync(file, updated)
}
