// A disk in memory that a test owns: it can fail, fill up, lag and lose power.
//
// It keeps two states of everything: what programs see, and what would be found
// after a power cut. Content moves to the second by `sync`, names by
// `syncDirectory`. A failed sync behaves as Linux does: the pages it could not
// write count as clean from then on, so that a second sync succeeds without having
// saved them.

import path from 'node:path'
import type { AppendedFile, Disk, OpenMode } from '../../src/persistence/disk/disk.ts'

export type DiskOperation =
  | 'open'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'rename'
  | 'remove'
  | 'makeDirectory'
  | 'syncDirectory'

class Inode {
  content = Buffer.alloc(0)
  durable = Buffer.alloc(0)
  /** Written since the last sync, as [start, end). */
  dirty: [number, number][] = []
}

export class MemoryDisk implements Disk {
  /** Operations so far that could change something: all but reads. */
  operations = 0
  /** What was done, as `sync /data/x`; reads left out. */
  readonly history: string[] = []
  /** Bytes that fit; a write beyond is cut short, the next one fails with ENOSPC. */
  capacityBytes = Number.POSITIVE_INFINITY
  /** Decides over each operation but closing: an error's code to fail with, `short` to write only half, undefined to let it be. */
  fault: (operation: DiskOperation, file: string, number: number) => string | undefined = () => undefined
  /** Asynchronous writes and syncs wait for `release`. */
  held = false
  /** Which of them do. */
  heldOperations: readonly DiskOperation[] = ['write', 'sync']
  #waiting: (() => void)[] = []
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()

  // ── what a test does ─────────────────────────────────────────────────────

  /** Has operation `first` (counted as `operations` counts) fail, and the `count` - 1 after it. */
  failAt(first: number, code: string, count = 1): void {
    this.fault = (_operation, _file, number) => (number >= first && number < first + count ? code : undefined)
  }

  /** Has operations of one kind fail until `heal`. */
  fail(operation: DiskOperation, code: string): void {
    this.fault = (current) => (current === operation ? code : undefined)
  }

  heal(): void {
    this.fault = () => undefined
    this.capacityBytes = Number.POSITIVE_INFINITY
  }

  /** Number of writes and syncs that wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Lets everything that waits be done, and what follows from it happen. */
  async release(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    for (const run of waiting) run()
    await settled()
  }

  /** Puts a file there, for good. */
  put(file: string, content: Buffer | string): void {
    const inode = new Inode()
    inode.content = Buffer.from(content as string, 'latin1')
    inode.durable = Buffer.from(inode.content)
    this.#names.set(file, inode)
    this.#durableNames.set(file, inode)
  }

  /** Returns a file's content as programs see it. */
  get(file: string): Buffer {
    const inode = this.#names.get(file)
    if (inode === undefined) throw diskError('ENOENT', file)
    return Buffer.from(inode.content)
  }

  /** Names of all files. */
  get files(): string[] {
    return [...this.#names.keys()].sort()
  }

  /** Returns an equal disk with a life of its own: what a restarted process finds after kill -9. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk()
    for (const [name, inode] of this.#names) copy.put(name, inode.content)
    return copy
  }

  /**
   * Returns the disk as it is found after the power went: what was not synced is gone, except for the first `tornBytes` of what
   * each file grew by.
   */
  powerCut(tornBytes = 0): MemoryDisk {
    const after = new MemoryDisk()
    for (const [name, { content, durable }] of this.#durableNames) {
      const torn = content.subarray(durable.length, durable.length + tornBytes)
      after.put(name, Buffer.concat([durable, torn]))
    }
    return after
  }

  // ── Disk ─────────────────────────────────────────────────────────────────

  openToAppend(file: string): Promise<AppendedFile> {
    return this.open(file, 'write')
  }

  async open(file: string, mode: OpenMode): Promise<AppendedFile> {
    this.#admit(mode === 'read' ? 'read' : 'open', file)
    let inode = this.#names.get(file)
    if (inode !== undefined && mode === 'new') throw diskError('EEXIST', file)
    if (inode === undefined) {
      if (mode === 'read') throw diskError('ENOENT', file)
      inode = new Inode()
      this.#names.set(file, inode)
    }
    if (mode === 'create') {
      inode.content = Buffer.alloc(0)
      inode.dirty = []
    }
    return this.#file(file, inode)
  }

  async exists(file: string): Promise<boolean> {
    for (const name of this.#names.keys()) if (name === file || name.startsWith(`${file}/`)) return true
    return this.#directories.has(file)
  }

  readonly #directories = new Set<string>()

  async makeDirectory(directory: string): Promise<void> {
    this.#admit('makeDirectory', directory)
    this.#directories.add(directory)
  }

  async list(directory: string): Promise<string[]> {
    const below = this.files.filter((name) => name.startsWith(`${directory}/`))
    return [...new Set(below.map((name) => name.slice(directory.length + 1).split('/')[0]!))]
  }

  async rename(from: string, to: string): Promise<void> {
    this.#admit('rename', from)
    const inode = this.#names.get(from)
    if (inode === undefined) throw diskError('ENOENT', from)
    this.#names.delete(from)
    this.#names.set(to, inode)
  }

  async remove(file: string): Promise<void> {
    this.#admit('remove', file)
    if (!this.#names.delete(file)) throw diskError('ENOENT', file)
  }

  removeSync(file: string): void {
    this.#admit('remove', file)
    if (!this.#names.delete(file)) throw diskError('ENOENT', file)
  }

  async syncDirectory(directory: string): Promise<void> {
    this.#admit('syncDirectory', directory)
    for (const names of [this.#names, this.#durableNames]) {
      for (const name of names.keys()) {
        if (path.dirname(name) !== directory) continue
        const inode = this.#names.get(name)
        if (inode === undefined) this.#durableNames.delete(name)
        else this.#durableNames.set(name, inode)
      }
    }
  }

  // ── files ────────────────────────────────────────────────────────────────

  #file(name: string, inode: Inode): AppendedFile {
    const write = (bytes: Buffer, start: number, length: number, position: number): number => {
      const verdict = this.#admit('write', name, true)
      const wanted = verdict === 'short' ? Math.max(1, length >> 1) : length
      const taken = Math.min(wanted, this.#room(inode, position))
      if (taken === 0) throw diskError('ENOSPC', name)
      const size = Math.max(inode.content.length, position + taken)
      if (size > inode.content.length) {
        const grown = Buffer.alloc(size)
        inode.content.copy(grown)
        inode.content = grown
      }
      bytes.copy(inode.content, position, start, start + taken)
      inode.dirty.push([position, position + taken])
      return taken
    }
    const sync = (): void => {
      try {
        this.#admit('sync', name)
      } catch (error) {
        inode.dirty = []
        throw error
      }
      const durable = Buffer.alloc(inode.content.length)
      inode.durable.copy(durable)
      for (const [from, to] of inode.dirty) inode.content.copy(durable, from, from, to)
      inode.durable = durable
      inode.dirty = []
    }
    return {
      size: async () => inode.content.length,
      read: async (into, start, length, position) => {
        this.#admit('read', name)
        return inode.content.copy(into, start, position, position + length)
      },
      isInPlace: async () => this.#names.get(name) === inode,
      appendSync: (bytes, start, length) => write(bytes, start, length, inode.content.length),
      append: async (bytes, start, length) => {
        await this.#turn('write')
        return write(bytes, start, length, inode.content.length)
      },
      write: async (bytes, start, length, position) => {
        await this.#turn('write')
        return write(bytes, start, length, position)
      },
      sync: async () => {
        await this.#turn('sync')
        sync()
      },
      syncSync: () => sync(),
      truncate: async (length) => {
        this.#admit('truncate', name)
        const content = Buffer.alloc(length)
        inode.content.copy(content)
        inode.content = content
        inode.dirty = inode.dirty.filter(([from]) => from < length)
      },
      close: async () => {},
    }
  }

  /** Bytes that a write at `position` may take. */
  #room(inode: Inode, position: number): number {
    let used = 0
    for (const { content } of this.#names.values()) used += content.length
    return Math.max(0, this.capacityBytes - used + inode.content.length - position)
  }

  #turn(operation: DiskOperation): Promise<void> {
    if (!this.held || !this.heldOperations.includes(operation)) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Counts an operation; throws when it is to fail. */
  #admit(operation: DiskOperation, file: string, mayBeShort = false): 'short' | undefined {
    if (operation !== 'read') {
      this.operations++
      this.history.push(`${operation} ${file}`)
    }
    const verdict = this.fault(operation, file, this.operations)
    if (verdict === undefined) return undefined
    if (verdict === 'short') return mayBeShort ? 'short' : undefined
    throw diskError(verdict, file)
  }
}

/** Waits until everything that needs no clock and no disk has happened. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

function diskError(code: string, file: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${file}`), { code, path: file })
}
