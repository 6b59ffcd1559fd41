// The files of a log up to one position, held open: a rewrite may remove their names while they are
// read.

import { assert } from '../../util/assert.ts'
import type { Disk, DiskFile } from '../disk/disk.ts'
import type { AofDirectory } from '../log/aof-directory.ts'
import type { Part } from '../log/manifest.ts'
import type { ReplayedFiles } from '../log/replay.ts'

/** The end of a log: in this file, after this many bytes. */
export interface LogPosition {
  readonly path: string
  readonly bytes: number
}

export class PinnedLogFiles implements ReplayedFiles {
  readonly manifest: { readonly parts: readonly Part[] }
  readonly disk: ReplayedFiles['disk']
  readonly #directory: AofDirectory
  readonly #files: ReadonlyMap<string, DiskFile>
  readonly #wasRead: () => void
  #end: LogPosition | undefined = undefined

  private constructor(
    directory: AofDirectory,
    parts: readonly Part[],
    files: ReadonlyMap<string, DiskFile>,
    wasRead: () => void,
  ) {
    this.#directory = directory
    this.#files = files
    this.#wasRead = wasRead
    this.manifest = { parts }
    this.disk = {
      open: async (path, mode) => {
        assert(mode === 'read', 'held files are read')
        return this.#view(path)
      },
    }
  }

  /**
   * Opens the files up to the one that is written to; `wasRead` is called after each read. Throws
   * the disk's error.
   */
  static async open(disk: Disk, directory: AofDirectory, last: string, wasRead: () => void): Promise<PinnedLogFiles> {
    const { parts } = directory.manifest
    const end = parts.findIndex((part) => directory.pathOf(part) === last) + 1
    assert(end > 0, 'the file that is written to is part of the log')
    const files = new Map<string, DiskFile>()
    const held = new PinnedLogFiles(directory, parts.slice(0, end), files, wasRead)
    try {
      for (const part of held.manifest.parts) {
        const path = directory.pathOf(part)
        files.set(path, await disk.open(path, 'read'))
      }
    } catch (error) {
      await held.close()
      throw error
    }
    return held
  }

  holds(path: string): boolean {
    return this.#files.has(path)
  }

  /** Notes where the log ends: nothing behind that is read. */
  endAt(position: LogPosition): void {
    assert(this.#end === undefined && this.holds(position.path), 'a log ends once, in a file that is held')
    this.#end = position
  }

  pathOf(part: Part): string {
    return this.#directory.pathOf(part)
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close()
  }

  #view(path: string): DiskFile {
    const file = this.#files.get(path)
    assert(file !== undefined, 'a file that is read is held')
    const refused = (): never => {
      throw new Error('held files are read')
    }
    return {
      size: async () => (path === this.#end?.path ? this.#end.bytes : await file.size()),
      // The log goes on behind its end.
      read: async (into, start, length, position) => {
        const left = path === this.#end?.path ? Math.max(0, this.#end.bytes - position) : length
        const read = left === 0 ? 0 : await file.read(into, start, Math.min(length, left), position)
        this.#wasRead()
        return read
      },
      write: refused,
      sync: refused,
      truncate: refused,
      close: async () => {},
    }
  }
}
