// The increment that is being appended to: knows how long it has to be, and notices when it is not.
//
// The lock of the directory (directory-lock.ts) keeps others out who ask for it. This
// is for those who do not: another server that overlooks the lock, a script that
// truncates or moves what it takes for a log. Nobody's bytes are overwritten or cut
// off here:
//
//   Groups are appended, so they come to lie behind whatever is there.
//   A group that was written by half is cut off again only after it was read back and found to be that group's beginning.
//   What is written once more in its place, after a failed fdatasync, was written there before; the length is held against it first.
//
// Whatever does not fit is a ChangedFile: to write on would make the damage worse, so the journal stops.

import type { RequestWriter } from '../../protocol/request-writer.ts'
import { type AppendedFile, appendAll, writeAll } from '../disk/disk.ts'

/** Somebody else changed the file, or took it away. */
export class ChangedFile extends Error {
  override name = 'ChangedFile'
  /** A sentence for whoever operates the server. */
  readonly advice: string

  constructor(what: keyof typeof CHANGES) {
    super(`the append-only file was ${CHANGES[what]} by somebody else`)
    this.advice =
      what === 'grown' || what === 'taken'
        ? 'Stop whoever else writes to it, then restart this server: it will load everything that is there'
        : 'The data is whole in memory: CONFIG SET appendonly no, then yes, writes it anew'
  }
}

const CHANGES = { grown: 'written to', cut: 'truncated', gone: 'removed or replaced', taken: 'taken over' }

/** Pieces in which it is compared. */
const COMPARED_BYTES = 64 * 1024

export class IncrementFile {
  readonly path: string
  /** Bytes of whole groups: all that is there, unless one is being written or failed half way. */
  length: number
  readonly #file: AppendedFile
  /** Bytes that may lie behind them: of a group being written by another thread, or left by half. */
  #unfinished = 0

  constructor(path: string, file: AppendedFile, length: number) {
    this.path = path
    this.#file = file
    this.length = length
  }

  /** Appends a group at once. Throws what the disk says; `cutBack` is due before the next one then. */
  appendSync({ u8, length }: RequestWriter): void {
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
    this.#unfinished = length
    await appendAll(this.#file, u8, 0, length)
    this.#unfinished = 0
    this.length += length
  }

  /** Cuts off what there is of a group that could not be written. Throws ChangedFile, and what the disk says. */
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

  /** Looks whether the file is what it has to be. Throws ChangedFile, and what the disk says. */
  async check(): Promise<void> {
    const before = this.length
    const size = await this.#file.size()
    const after = this.length + this.#unfinished
    if (!(await this.#file.isInPlace())) throw new ChangedFile('gone')
    if (size < before) throw new ChangedFile('cut')
    // What was appended meanwhile may be seen or not.
    if (size > after) throw new ChangedFile('grown')
  }

  /** Writes bytes once more where they are. */
  rewrite(bytes: Buffer, length: number, position: number): Promise<void> {
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
