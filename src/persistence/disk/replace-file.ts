// Replaces a small file whole, synchronously: files that people write too (the configuration, the
// users), and that are written on request.
//
// A synced copy is renamed over it: a crash leaves the old file or the new one.

import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SYNCS_DIRECTORIES } from './disk.ts'

/**
 * Puts `text` (latin1) in place of the file's content. Throws the disk's error; then the old file
 * still stands.
 */
export function replaceFile(path: string, text: string, mode: number): void {
  const directory = dirname(path)
  const temporary = join(directory, `.respite-${process.pid}.tmp`)
  const descriptor = openSync(temporary, 'w', mode)
  try {
    const bytes = Buffer.from(text, 'latin1')
    let written = 0
    while (written < bytes.length) written += writeSync(descriptor, bytes, written)
    // The mode given to open is cut by the umask.
    fchmodSync(descriptor, mode)
    fsyncSync(descriptor)
    renameSync(temporary, path)
  } catch (error) {
    unlinkSync(temporary)
    throw error
  } finally {
    closeSync(descriptor)
  }
  // The name is only safe once the directory is.
  if (!SYNCS_DIRECTORIES) return
  const parent = openSync(directory, 'r')
  try {
    fsyncSync(parent)
  } finally {
    closeSync(parent)
  }
}
