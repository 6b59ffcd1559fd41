// What a process takes along when it ends, however it ends: programs that it has started, and then the temporary folders that they wrote to.

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

/** Has something end with this process. Returns how to take that back. */
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
      // Whoever wrote to it may have been killed a moment ago.
      rmSync(path, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  folders.add(folder)
  return folder
}
