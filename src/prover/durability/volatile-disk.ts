// A disk in memory whose power can be cut, and which can be made to fail.
//
// It keeps the contents that programs see, and those that a power cut would leave. Data moves from
// the first to the second by `sync`, names by `syncDirectory`. A failed sync forgets what it should
// have saved, as Linux does: a second one succeeds without having saved it. Asynchronous operations
// take some turns of the loop, so that power can fail in the middle of them.

import path from 'node:path'
import type { AppendedFile, Disk, OpenMode } from '../../persistence/disk/disk.ts'
import type { Random } from '../../util/numbers/random.ts'
import { setImmediate } from '../../util/time/real-time.ts'

/** The most turns of the loop that an operation takes. */
const TURNS_MAX = 4
/** The most zeros by which a file's size may exceed its data. */
const ZEROS_MAX = 4096

class Inode {
  content = new Content()
  durable = new Content()
  /** Ranges written since the last sync, as [start, end). */
  dirty: [number, number][] = []
}

/** Bytes that grow. */
class Content {
  #bytes = Buffer.alloc(0)
  length = 0

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }

  write(position: number, from: Buffer, start: number, end: number): void {
    const needed = position + end - start
    if (needed > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(needed, 2 * this.#bytes.length))
      this.#bytes.copy(grown, 0, 0, this.length)
      this.#bytes = grown
    }
    from.copy(this.#bytes, position, start, end)
    this.length = Math.max(this.length, needed)
  }

  truncate(length: number): void {
    this.#bytes.fill(0, length, this.length)
    this.length = length
  }
}

export class VolatileDisk implements Disk {
  /** The chance that a write or a sync fails; 0 = none fails. */
  failureChance = 0
  /** Whether something failed since power was last cut. */
  failed = false
  readonly #random: Random
  #dead = false
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  readonly #directories = new Set<string>()

  constructor(random: Random) {
    this.#random = random
  }

  /** Cuts the power: returns the disk as it is found afterwards; this one never answers again. */
  cutPower(): VolatileDisk {
    this.#dead = true
    const after = new VolatileDisk(this.#random)
    for (const directory of this.#directories) after.#directories.add(directory)
    // Names that were not synced may have reached the disk, too.
    const names = this.#chance(0.5) ? this.#names : this.#durableNames
    for (const [name, { content, durable }] of names) {
      const found = new Inode()
      const end = durable.length + this.#below(Math.max(0, content.length - durable.length) + 1)
      found.content.write(0, durable.bytes, 0, durable.length)
      if (end > durable.length) found.content.write(durable.length, content.bytes, durable.length, end)
      if (end < content.length && this.#chance(0.25)) {
        const zeros = Buffer.alloc(Math.min(content.length - end, ZEROS_MAX))
        found.content.write(end, zeros, 0, zeros.length)
      }
      found.durable.write(0, found.content.bytes, 0, found.content.length)
      after.#names.set(name, found)
      after.#durableNames.set(name, found)
    }
    return after
  }

  // ── Disk ─────────────────────────────────────────────────────────────────

  openToAppend(file: string): Promise<AppendedFile> {
    return this.open(file, 'write')
  }

  async open(file: string, mode: OpenMode): Promise<AppendedFile> {
    await this.#turns()
    let inode = this.#names.get(file)
    if (inode !== undefined && mode === 'new') throw diskError('EEXIST', file)
    if (inode === undefined) {
      if (mode === 'read') throw diskError('ENOENT', file)
      inode = new Inode()
      this.#names.set(file, inode)
    }
    if (mode === 'create') {
      inode.content.truncate(0)
      inode.dirty = []
    }
    return this.#file(file, inode)
  }

  async exists(file: string): Promise<boolean> {
    return this.#names.has(file) || this.#directories.has(file)
  }

  async makeDirectory(directory: string): Promise<void> {
    this.#directories.add(directory)
  }

  async list(directory: string): Promise<string[]> {
    return [...this.#names.keys()].filter((name) => path.dirname(name) === directory).map((name) => path.basename(name))
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#turns()
    const inode = this.#names.get(from)
    if (inode === undefined) throw diskError('ENOENT', from)
    this.#names.delete(from)
    this.#names.set(to, inode)
  }

  async remove(file: string): Promise<void> {
    await this.#turns()
    this.removeSync(file)
  }

  removeSync(file: string): void {
    if (!this.#names.delete(file)) throw diskError('ENOENT', file)
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#turns()
    for (const name of [...this.#names.keys(), ...this.#durableNames.keys()]) {
      if (path.dirname(name) !== directory) continue
      const inode = this.#names.get(name)
      if (inode === undefined) this.#durableNames.delete(name)
      else this.#durableNames.set(name, inode)
    }
  }

  // ── files ────────────────────────────────────────────────────────────────

  #file(name: string, inode: Inode): AppendedFile {
    const write = (bytes: Buffer, start: number, length: number, position: number): number => {
      this.#mayFail(name)
      const taken = this.#chance(0.05) ? Math.max(1, length >> 1) : length
      inode.content.write(position, bytes, start, start + taken)
      inode.dirty.push([position, position + taken])
      return taken
    }
    const takeDirty = (): [number, number][] => {
      const { dirty } = inode
      inode.dirty = []
      return dirty
    }
    const save = (dirty: readonly [number, number][]): void => {
      this.#mayFail(name)
      for (const [from, to] of dirty) inode.durable.write(from, inode.content.bytes, from, to)
      if (inode.durable.length > inode.content.length) inode.durable.truncate(inode.content.length)
    }
    return {
      size: async () => inode.content.length,
      read: async (into, start, length, position) => {
        return inode.content.bytes.copy(into, start, position, position + length)
      },
      isInPlace: async () => this.#names.get(name) === inode,
      appendSync: (bytes, start, length) => write(bytes, start, length, inode.content.length),
      append: async (bytes, start, length) => {
        await this.#turns()
        return write(bytes, start, length, inode.content.length)
      },
      write: async (bytes, start, length, position) => {
        await this.#turns()
        return write(bytes, start, length, position)
      },
      sync: async () => {
        // Data written during the sync may or may not be saved by it.
        const dirty = takeDirty()
        await this.#turns()
        save(dirty)
      },
      syncSync: () => save(takeDirty()),
      truncate: async (length) => {
        await this.#turns()
        inode.content.truncate(length)
        inode.dirty = inode.dirty.filter(([from]) => from < length).map(([from, to]) => [from, Math.min(to, length)])
      },
      close: async () => {},
    }
  }

  #mayFail(file: string): void {
    if (this.#dead) throw diskError('EIO', file)
    if (this.failureChance === 0 || !this.#chance(this.failureChance)) return
    this.failed = true
    throw diskError(this.#chance(0.5) ? 'EIO' : 'ENOSPC', file)
  }

  async #turns(): Promise<void> {
    for (let turns = this.#below(TURNS_MAX + 1); turns > 0; turns--)
      await new Promise((resolve) => setImmediate(resolve))
    if (this.#dead) await new Promise(() => {})
  }

  #chance(probability: number): boolean {
    return this.#below(1_000_000) < probability * 1_000_000
  }

  #below(bound: number): number {
    return this.#random.below(bound)
  }
}

function diskError(code: string, file: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${file}`), { code, path: file })
}
