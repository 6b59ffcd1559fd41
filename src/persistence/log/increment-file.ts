// The increment that is being appended to. It knows how long the file has to be, and notices when
// the file is not.
//
// The lock of the directory (directory-lock.ts) keeps out processes that ask for it. This file
// guards against those that do not: a server that overlooks the lock, a script that truncates or
// moves files. No foreign bytes are overwritten or cut off:
//
//   Groups are appended, so they come to lie behind whatever is there.
//   A half written group is cut off only after it was read back and found to be the group's
//   beginning.
//   Bytes that are written once more after a failed fdatasync go to the place where this process
//   wrote them before; the length of the file is compared first.
//
// Anything else is a ChangedFile: to write on would make the damage worse, so the journal stops.

import type { RequestWriter } from '../../protocol/request-writer.ts'
import { assert } from '../../util/assert.ts'
import { type AppendedFile, appendAll, writeAll } from '../disk/disk.ts'

/** Another process changed the file, or took it away. */
export class ChangedFile extends Error {
  override name = 'ChangedFile'
  /** A sentence for the operator. */
  readonly advice: string

  constructor(what: keyof typeof CHANGES) {
    super(`the append-only file was ${CHANGES[what]} by another process`)
    this.advice =
      what === 'grown' || what === 'taken'
        ? 'Stop the other process that writes to it, then restart this server: it will load everything that is there'
        : 'The data is whole in memory: CONFIG SET appendonly no, then yes, writes it again'
  }
}

const CHANGES = { grown: 'written to', cut: 'truncated', gone: 'removed or replaced', taken: 'taken over' }

/** Bytes that are compared at a time. */
const COMPARED_BYTES = 64 * 1024

export class IncrementFile {
  readonly path: string
  /**
   * Bytes of whole groups: all that is there, unless a group is being written or failed half way.
   */
  length: number
  readonly #file: AppendedFile
  /**
   * Bytes that may lie behind the whole groups: of a group that another thread writes, or of one
   * that failed half way.
   */
  #unfinished = 0

  constructor(path: string, file: AppendedFile, length: number) {
    this.path = path
    this.#file = file
    this.length = length
  }

  /**
   * Appends a group at once. Throws the disk's error; then `cutBack` must come before the next
   * append.
   */
  appendSync({ u8, length }: RequestWriter): void {
    assert(this.#unfinished === 0, 'a group follows whole groups only')
    this.#unfinished = length
    for (let done = 0; done < length; ) {
      const taken = this.#file.appendSync(u8, done, length - done)
      if (taken === 0) throw new Error('the disk took no bytes')
      done += taken
    }
    this.#unfinished = 0
    this.length += length
  }

  /** As `appendSync`, by another thread. */
  async append({ u8, length }: RequestWriter): Promise<void> {
    assert(this.#unfinished === 0, 'a group follows whole groups only')
    this.#unfinished = length
    await appendAll(this.#file, u8, 0, length)
    this.#unfinished = 0
    this.length += length
  }

  /**
   * Cuts off the part of a failed group that is in the file. Throws ChangedFile, and the disk's
   * error.
   */
  async cutBack(group: RequestWriter): Promise<void> {
    const size = await this.#file.size()
    if (size < this.length) throw new ChangedFile('cut')
    const excess = size - this.length
    if (excess > 0) {
      if (excess > group.length || !(await this.#holds(group, excess))) throw new ChangedFile('grown')
      await this.#file.truncate(this.length)
    }
    this.#unfinished = 0
  }

  /** Tells whether the file ends with the first `length` bytes of a group. */
  async #holds(group: RequestWriter, length: number): Promise<boolean> {
    const piece = Buffer.allocUnsafe(Math.min(COMPARED_BYTES, length))
    for (let at = 0; at < length; ) {
      const read = await this.#file.read(piece, 0, Math.min(piece.length, length - at), this.length + at)
      if (read === 0 || piece.compare(group.u8, at, at + read, 0, read) !== 0) return false
      at += read
    }
    return true
  }

  /**
   * Checks that the file has the expected length and is in its place. Throws ChangedFile, and the
   * disk's error.
   */
  async check(): Promise<void> {
    const before = this.length
    const size = await this.#file.size()
    const after = this.length + this.#unfinished
    if (!(await this.#file.isInPlace())) throw new ChangedFile('gone')
    if (size < before) throw new ChangedFile('cut')
    // A group that was appended meanwhile may be in the size or not.
    if (size > after) throw new ChangedFile('grown')
  }

  /** Writes bytes once more in their place. */
  rewrite(bytes: Buffer, length: number, position: number): Promise<void> {
    assert(position + length <= this.length, 'only bytes of whole groups are written once more')
    return writeAll(this.#file, bytes, 0, length, position)
  }

  read(into: Buffer, length: number, position: number): Promise<number> {
    return this.#file.read(into, 0, length, position)
  }

  sync(): Promise<void> {
    return this.#file.sync()
  }

  /** As `sync`, on this thread. */
  syncSync(): void {
    this.#file.syncSync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
