// Joins the built modules into a few files: half of a cold start was Node finding and linking hundreds of them.
//
// The program and the modules that the package exports are replaced by their bundles, which share chunks; packages stay outside. What tsc
// wrote stays beside them for its type declarations.

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const DIST = join(import.meta.dirname, '../dist')
/** The program, and what `exports` of package.json names. */
const ENTRIES = [
  'cli/respite',
  'index',
  'drop-in/bullmq',
  'drop-in/ioredis',
  'drop-in/memory-server',
  'drop-in/testing',
]

for (const name of readdirSync(DIST)) if (/^chunk-.*\.js(\.map)?$/.test(name)) rmSync(join(DIST, name))
const bundle = await rolldown({
  input: Object.fromEntries(ENTRIES.map((name) => [name, join(DIST, `${name}.js`)])),
  platform: 'node',
  // Not the checked build (util/invariant.ts): what it guards is removed.
  transform: { define: { 'process.env.VITEST': 'undefined' } },
  // Packages stay packages.
  external: /^[^./]/,
})
await bundle.write({
  dir: DIST,
  format: 'esm',
  sourcemap: true,
  entryFileNames: '[name].js',
  chunkFileNames: 'chunk-[hash].js',
  // A top-level constant that became `var` is no constant to V8 any more, which then loads and checks it at every use.
  topLevelVar: false,
})
await bundle.close()
