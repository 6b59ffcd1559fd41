// Compiles the C programs of `rivals/` into a temporary folder, which goes with the process.
// Nothing of them is kept, and no other part needs a compiler.

import { spawn, spawnSync } from 'node:child_process'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithUs, type Folder, temporaryFolder } from './taken-along.ts'

const SOURCES = fileURLToPath(new URL('rivals', import.meta.url))

let folder: Folder | undefined

/**
 * Compiles sources of `rivals/` into one program and returns its path; undefined: there is no
 * compiler, or a library's headers are missing.
 */
export function compiled(sources: readonly string[], libraries: readonly string[] = []): string | undefined {
  folder ??= temporaryFolder('c')
  const program = join(folder.path, basename(sources.at(-1)!, '.c'))
  const words = ['-O2', '-Wall', '-o', program, ...sources.map((source) => join(SOURCES, source))]
  const { status } = spawnSync('cc', [...words, ...libraries.map((library) => `-l${library}`)], { stdio: 'ignore' })
  return status === 0 ? program : undefined
}

/** Runs such a program, which prints its report as JSON. */
export async function run<T>(program: string, ...words: string[]): Promise<T> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const goesAlone = endWithUs(() => child.kill('SIGKILL'))
  let report = ''
  for await (const chunk of child.stdout) report += chunk
  goesAlone()
  if (report === '') throw new Error(`${basename(program)} reported nothing`)
  return JSON.parse(report) as T
}
