// Joins the built modules into a few files: half of a cold start was Node finding and linking hundreds of them.
//
// `dist/cli/respite.js` and `dist/index.js` are replaced by their bundles, which share a chunk; packages stay outside. What tsc
// wrote stays beside them for its type declarations.

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const DIST = join(import.meta.dirname, '../dist')

for (const name of readdirSync(DIST)) if (/^chunk-.*\.js(\.map)?$/.test(name)) rmSync(join(DIST, name))
await build({
  entryPoints: [join(DIST, 'cli/respite.js'), join(DIST, 'index.js')],
  outdir: DIST,
  outbase: DIST,
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  keepNames: false,
  sourcemap: true,
  logLevel: 'warning',
})
