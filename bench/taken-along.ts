// Programs that a process has started, and temporary folders that they wrote to: both end with the
// process, however it ends.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Folder {
  readonly path: string
  remove(): void
}

const ends = new Set<() => void>()
const folders = new Set<Folder>()

process.once('exit', () => {
  for (const end of ends) end()
  for (const folder of folders) folder.remove()
})

/** Makes a thing end with this process. Returns how to take that back. */
export function endWithUs(end: () => void): () => void {
  ends.add(end)
  return () => ends.delete(end)
}

/** Makes a temporary folder, which goes when it is removed, or with this process. */
export function temporaryFolder(name: string): Folder {
  const path = mkdtempSync(join(tmpdir(), `bench-${name}-`))
  const folder: Folder = {
    path,
    remove() {
      folders.delete(folder)
      // The program that wrote to it may have been killed a moment ago.
      rmSync(path, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  folders.add(folder)
  return folder
}
