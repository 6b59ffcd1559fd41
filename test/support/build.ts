// The built program, for tests that start processes: from the sources, with their compiling, each start takes seconds.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

function newest(folder: string): number {
  let ms = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    ms = Math.max(ms, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs)
  }
  return ms
}

let checked = false

function built(path: string): string {
  const builtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (!checked && builtMs < newest(join(ROOT, 'src'))) throw new Error('dist is older than src: `npm run build` first')
  checked = true
  return path
}

/** What `npm start` runs. */
export const program = (): string => built(join(ROOT, 'dist/cli/respite.js'))
/** What a program that embeds a broker imports. */
export const library = (): string => built(join(ROOT, 'dist/index.mjs'))
/** What runs in the thread of a replicated log. */
export const logWorker = (): string => built(join(ROOT, 'dist/replicated-log/log-worker.js'))
