// Files in memory that behave like a disk with a cache: the contents that programs see, and those
// that a power cut would leave now.
//
// Each directory of the root is a volume, the disk of one machine, with its own power. Durability
// follows ext4 and XFS:
//
//   data       durable when its file is synced, not before
//   names      (creating, renaming, removing, truncating) are written to a journal in order; a sync
//              of anything on the volume makes all earlier ones durable
//
// So a file that was renamed over another before it was synced is empty after a power cut, as it
// may be on a real disk.

import { assert } from '../../util/assert.ts'

/** Writes are tracked in pages of this size. */
const PAGE_BYTES = 4096

interface Volume {
  /** Directories whose names have changed since the last sync. */
  readonly changed: Set<Directory>
  /** Files that have become shorter since then. */
  readonly shortened: Set<File>
}

abstract class Node {
  readonly id: number
  readonly volume: Volume | undefined
  mode: number
  modifiedMs: number
  /** How many references the kernel has; it reports when it forgets some. */
  lookups = 0
  /** Whether it has a name. */
  isLinked = true

  constructor(id: number, volume: Volume | undefined, mode: number, nowMs: number) {
    this.id = id
    this.volume = volume
    this.mode = mode
    this.modifiedMs = nowMs
  }
}

export class Directory extends Node {
  readonly kind = 'directory'
  readonly entries = new Map<string, Directory | File>()
  /** The names that a power cut would leave. */
  durable: ReadonlyMap<string, Directory | File> = new Map()
}

export class File extends Node {
  readonly kind = 'file'
  size = 0
  #bytes: Buffer = Buffer.alloc(0)
  #durable: Buffer = Buffer.alloc(0)
  #durableSize = 0
  /** The smallest size since the last sync. */
  #shortest = 0
  readonly #writtenPages = new Set<number>()

  read(offset: number, length: number): Buffer {
    return this.#bytes.subarray(Math.min(offset, this.size), Math.min(offset + length, this.size))
  }

  write(offset: number, bytes: Buffer): void {
    const end = offset + bytes.length
    this.#bytes = withRoom(this.#bytes, end)
    bytes.copy(this.#bytes, offset)
    for (let page = Math.floor(offset / PAGE_BYTES); page * PAGE_BYTES < end; page++) this.#writtenPages.add(page)
    this.size = Math.max(this.size, end)
  }

  resize(size: number): void {
    this.#bytes = withRoom(this.#bytes, size)
    if (size < this.size) this.#bytes.fill(0, size, this.size)
    this.size = size
    this.#shortest = Math.min(this.#shortest, size)
  }

  /** Makes its data durable. */
  sync(): void {
    this.commitLength()
    this.#durable = withRoom(this.#durable, this.size)
    for (const page of this.#writtenPages) {
      const at = page * PAGE_BYTES
      this.#bytes.copy(this.#durable, at, at, Math.min(at + PAGE_BYTES, this.size))
    }
    this.#writtenPages.clear()
    this.#durableSize = this.size
    this.#shortest = this.size
  }

  /** Makes a smaller size durable, without the data. */
  commitLength(): void {
    if (this.#shortest >= this.#durableSize) return
    this.#durable.fill(0, this.#shortest, this.#durableSize)
    this.#durableSize = this.#shortest
  }

  /**
   * Gives this new file the contents that a power cut leaves of another. `kept` returns how many
   * bytes of an unsynced end were written nevertheless.
   */
  becomeRemainderOf(other: File, kept: (unsyncedBytes: number) => number): void {
    const size = other.#durableSize
    this.write(0, other.#durable.subarray(0, size))
    const torn = other.size > size ? kept(other.size - size) : 0
    if (torn > 0) this.write(size, other.#bytes.subarray(size, size + torn))
    this.sync()
  }
}

function newVolume(): Volume {
  return { changed: new Set(), shortened: new Set() }
}

/** Returns these bytes with room for `size` bytes, filled with zeros. */
function withRoom(bytes: Buffer, size: number): Buffer {
  if (size <= bytes.length) return bytes
  const larger = Buffer.alloc(Math.max(size, 2 * bytes.length, PAGE_BYTES))
  bytes.copy(larger)
  return larger
}

/** The kernel's number for the root. */
export const ROOT_ID = 1

export class VolatileTree {
  readonly #nodes = new Map<number, Directory | File>()
  #ids = ROOT_ID
  readonly root: Directory

  constructor(nowMs: number) {
    this.root = new Directory(ROOT_ID, undefined, 0o755, nowMs)
    this.#nodes.set(ROOT_ID, this.root)
  }

  node(id: number): Directory | File | undefined {
    return this.#nodes.get(id)
  }

  createDirectory(parent: Directory, name: string, mode: number, nowMs: number): Directory {
    const volume = parent === this.root ? newVolume() : parent.volume
    const made = new Directory(++this.#ids, volume, mode, nowMs)
    this.#nodes.set(made.id, made)
    this.#name(parent, name, made, nowMs)
    return made
  }

  createFile(parent: Directory, name: string, mode: number, nowMs: number): File {
    const file = new File(++this.#ids, parent.volume, mode, nowMs)
    this.#nodes.set(file.id, file)
    this.#name(parent, name, file, nowMs)
    return file
  }

  remove(parent: Directory, name: string, nowMs: number): void {
    const node = parent.entries.get(name)
    if (node === undefined) return
    parent.entries.delete(name)
    this.#hasChanged(parent, nowMs)
    node.isLinked = false
    this.forget(node.id, 0)
  }

  rename(from: Directory, name: string, to: Directory, newName: string, nowMs: number): void {
    const node = from.entries.get(name)
    assert(node !== undefined, 'a renamed file exists')
    if (to.entries.get(newName) === node) return
    this.remove(to, newName, nowMs)
    from.entries.delete(name)
    this.#hasChanged(from, nowMs)
    this.#name(to, newName, node, nowMs)
  }

  resize(file: File, size: number): void {
    if (size < file.size) file.volume?.shortened.add(file)
    file.resize(size)
  }

  /** Makes a file's data durable, and all names of its volume; for a directory only the names. */
  sync(node: Directory | File): void {
    const { volume } = node
    if (node.kind === 'file') node.sync()
    if (volume === undefined) return
    for (const directory of volume.changed) directory.durable = new Map(directory.entries)
    for (const file of volume.shortened) file.commitLength()
    volume.changed.clear()
    volume.shortened.clear()
  }

  /**
   * Cuts the power of a volume: only durable data is left, and as much of unsynced ends as `kept`
   * says. No program may use it meanwhile.
   */
  cut(name: string, kept: (unsyncedBytes: number) => number, nowMs: number): void {
    const old = this.root.entries.get(name)
    if (old?.kind !== 'directory') throw new Error(`there is no volume ${name}`)
    const made = this.createDirectory(this.root, name, old.mode, nowMs)
    this.#restore(old.durable, made, kept, nowMs)
    this.sync(made)
    this.#drop(old)
  }

  /**
   * The kernel has dropped this many references to a node; a node without a name is removed with
   * the last one.
   */
  forget(id: number, lookups: number): void {
    const node = this.#nodes.get(id)
    if (node === undefined) return
    node.lookups -= lookups
    if (!node.isLinked && node.lookups <= 0) this.#nodes.delete(id)
  }

  #restore(
    from: ReadonlyMap<string, Directory | File>,
    to: Directory,
    kept: (unsyncedBytes: number) => number,
    nowMs: number,
  ): void {
    for (const [name, node] of from) {
      if (node.kind === 'directory') {
        this.#restore(node.durable, this.createDirectory(to, name, node.mode, nowMs), kept, nowMs)
      } else {
        this.createFile(to, name, node.mode, nowMs).becomeRemainderOf(node, kept)
      }
    }
  }

  #drop(node: Directory | File): void {
    node.isLinked = false
    if (node.kind === 'directory') for (const child of node.entries.values()) this.#drop(child)
    this.forget(node.id, 0)
  }

  #name(parent: Directory, name: string, node: Directory | File, nowMs: number): void {
    parent.entries.set(name, node)
    node.isLinked = true
    this.#hasChanged(parent, nowMs)
  }

  #hasChanged(directory: Directory, nowMs: number): void {
    directory.modifiedMs = nowMs
    directory.volume?.changed.add(directory)
  }
}
