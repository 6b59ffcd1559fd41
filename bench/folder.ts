// Temporary folders, which go when nobody needs them any more, or with the process.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Folder {
  readonly path: string
  remove(): void
}

export function temporaryFolder(name: string): Folder {
  const path = mkdtempSync(join(tmpdir(), `bench-${name}-`))
  const remove = (): void => {
    process.off('exit', remove)
    // Whoever wrote to it may have been killed a moment ago.
    rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  }
  process.once('exit', remove)
  return { path, remove }
}

/** Has something end with this process, before folders go that it may write to. Returns how to take that back. */
export function endWithUs(end: () => void): () => void {
  process.prependOnceListener('exit', end)
  return () => process.off('exit', end)
}
