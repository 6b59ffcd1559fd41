// The disk as persistence sees it: handed in, so that a test can make it fail, lag or lose power.
//
// A name is durable only when its directory was synced, content only when its file was. So a rename
// that must survive a power cut is four steps: write, sync the file, rename, sync the directory.
// `replaceFile` is the one place that takes them.

import fs from 'node:fs'
import path from 'node:path'
import { assert } from '../../util/assert.ts'

/**
 * `read` an existing file. `write` an existing file or a new one, keeping its content. `create` an
 * empty file, in the place of any file of the name. Make a `new` one, or fail with EEXIST: of
 * several processes that try at once one succeeds.
 */
export type OpenMode = 'read' | 'write' | 'create' | 'new'

/**
 * An open file. Positions are explicit: the same bytes written twice in one place are there once.
 */
export interface DiskFile {
  size(): Promise<number>
  /** Reads up to `length` bytes into [start, …) of a buffer; fewer near the end, 0 at it. */
  read(into: Buffer, start: number, length: number, position: number): Promise<number>
  /**
   * Writes [start, start + length) of a buffer and returns how many bytes were taken, at least one.
   */
  write(bytes: Buffer, start: number, length: number, position: number): Promise<number>
  /**
   * Makes content and size durable. After a failure, any write since the last success may be lost.
   */
  sync(): Promise<void>
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

/**
 * A file that grows at its end, wherever that is: bytes that others have appended are never
 * overwritten.
 */
export interface AppendedFile extends DiskFile {
  /**
   * Writes [start, start + length) of a buffer behind everything and returns how many bytes were
   * taken, at least one.
   */
  append(bytes: Buffer, start: number, length: number): Promise<number>
  /** As `append`, at once: for small writes into the system's cache. */
  appendSync(bytes: Buffer, start: number, length: number): number
  /** As `sync`, at once: where every client that is served would wait for it. */
  syncSync(): void
  /** Tells whether its name still leads to it: false when it was removed, moved or replaced. */
  isInPlace(): Promise<boolean>
}

/** Windows keeps names in a log of its own and syncs no directory: it answers EPERM. */
export const SYNCS_DIRECTORIES = process.platform !== 'win32'

/** Errors are Node's: `code` says ENOENT, ENOSPC, EIO, … */
export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>
  /** Opens an existing file or a new one, keeping its content. */
  openToAppend(path: string): Promise<AppendedFile>
  exists(path: string): Promise<boolean>
  /** Creates a directory and its parents; one that exists is fine. */
  makeDirectory(path: string): Promise<void>
  list(path: string): Promise<string[]>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** As `remove`, at once: for the last moment of a process. */
  removeSync(path: string): void
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>
}

const OPEN_FLAGS: Record<OpenMode, number> = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR | fs.constants.O_CREAT,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC,
  new: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
}
const APPEND_FLAGS = fs.constants.O_WRONLY | fs.constants.O_APPEND
/** As redis-server creates its files. */
const FILE_MODE = 0o644

/**
 * Calls Node's callback API, which is used throughout: a FileHandle costs several times as much for
 * each operation.
 */
function promised<T>(start: (done: (error: Error | null, result?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error) reject(error)
      else resolve(result as T)
    })
  })
}

class SystemFile implements DiskFile {
  protected readonly descriptor: number

  constructor(descriptor: number) {
    this.descriptor = descriptor
  }

  /** Returns which file it is, whatever its name. */
  identity(): Promise<fs.BigIntStats> {
    return promised((done) => fs.fstat(this.descriptor, { bigint: true }, done))
  }

  async size(): Promise<number> {
    const stats = await promised<fs.Stats>((done) => fs.fstat(this.descriptor, done))
    return stats.size
  }

  read(into: Buffer, start: number, length: number, position: number): Promise<number> {
    return promised((done) => fs.read(this.descriptor, into, start, length, position, done))
  }

  write(bytes: Buffer, start: number, length: number, position: number): Promise<number> {
    return promised((done) => fs.write(this.descriptor, bytes, start, length, position, done))
  }

  sync(): Promise<void> {
    return promised((done) => fs.fdatasync(this.descriptor, done))
  }

  truncate(length: number): Promise<void> {
    return promised((done) => fs.ftruncate(this.descriptor, length, done))
  }

  close(): Promise<void> {
    return promised((done) => fs.close(this.descriptor, done))
  }
}

/**
 * Two descriptors of one file: on Linux even pwrite appends where a descriptor was opened to
 * append. The first one reads, and writes in place.
 */
class SystemAppendedFile extends SystemFile implements AppendedFile {
  readonly #path: string
  readonly #appending: number

  constructor(path: string, descriptor: number, appending: number) {
    super(descriptor)
    this.#path = path
    this.#appending = appending
  }

  append(bytes: Buffer, start: number, length: number): Promise<number> {
    return promised((done) => fs.write(this.#appending, bytes, start, length, null, done))
  }

  appendSync(bytes: Buffer, start: number, length: number): number {
    return fs.writeSync(this.#appending, bytes, start, length, null)
  }

  syncSync(): void {
    fs.fdatasyncSync(this.descriptor)
  }

  async isInPlace(): Promise<boolean> {
    try {
      const there = await promised<fs.BigIntStats>((done) => fs.stat(this.#path, { bigint: true }, done))
      const own = await this.identity()
      return there.ino === own.ino && there.dev === own.dev
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') return false
      throw error
    }
  }

  override async close(): Promise<void> {
    await promised((done) => fs.close(this.#appending, done))
    await super.close()
  }
}

/** The machine's own file system. */
export const systemDisk: Disk = {
  async open(file, mode) {
    return new SystemFile(await promised<number>((done) => fs.open(file, OPEN_FLAGS[mode], FILE_MODE, done)))
  },
  async openToAppend(file) {
    const descriptor = await promised<number>((done) => fs.open(file, OPEN_FLAGS.write, FILE_MODE, done))
    try {
      const appending = await promised<number>((done) => fs.open(file, APPEND_FLAGS, done))
      return new SystemAppendedFile(file, descriptor, appending)
    } catch (error) {
      fs.closeSync(descriptor)
      throw error
    }
  },
  exists: (file) => promised((done) => fs.access(file, (error) => done(null, error === null))),
  async makeDirectory(directory) {
    // Not Node's `recursive`: it reports ENOENT where the disk said that it is read-only, and never
    // ends below /proc.
    const make = (): Promise<void> => promised((done) => fs.mkdir(directory, done))
    try {
      await make()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const parent = path.dirname(directory)
      if (code === 'EEXIST') return requireDirectory(directory)
      if (code !== 'ENOENT' || parent === directory) throw error
      await this.makeDirectory(parent)
      await make()
    }
  },
  list: (directory) => promised<string[]>((done) => fs.readdir(directory, done)),
  rename: (from, to) => promised((done) => fs.rename(from, to, done)),
  remove: (file) => promised((done) => fs.unlink(file, done)),
  removeSync: (file) => fs.unlinkSync(file),
  async syncDirectory(directory) {
    if (!SYNCS_DIRECTORIES) return
    const descriptor = await promised<number>((done) => fs.open(directory, 'r', done))
    try {
      await promised((done) => fs.fsync(descriptor, done))
    } finally {
      await promised((done) => fs.close(descriptor, done))
    }
  },
}

async function requireDirectory(name: string): Promise<void> {
  const stats = await promised<fs.Stats>((done) => fs.stat(name, done))
  if (stats.isDirectory()) return
  throw Object.assign(new Error(`ENOTDIR: ${name}`), { code: 'ENOTDIR', path: name })
}

/** Reads a small file whole. */
export async function readFile(disk: Disk, file: string): Promise<Buffer> {
  const open = await disk.open(file, 'read')
  try {
    const content = Buffer.alloc(await open.size())
    let filled = 0
    while (filled < content.length) {
      const read = await open.read(content, filled, content.length - filled, filled)
      if (read === 0) break
      filled += read
    }
    return content.subarray(0, filled)
  } finally {
    await open.close()
  }
}

/** Writes all of a stretch of bytes, in as many pieces as the disk makes of it. */
export async function writeAll(
  file: DiskFile,
  bytes: Buffer,
  start: number,
  length: number,
  position: number,
): Promise<void> {
  let done = 0
  while (done < length) {
    const taken = await file.write(bytes, start + done, length - done, position + done)
    if (taken === 0) throw new Error('the disk took no bytes')
    assert(taken <= length - done, 'a disk takes no more bytes than it was given')
    done += taken
  }
}

/** Appends all of a stretch of bytes. */
export async function appendAll(file: AppendedFile, bytes: Buffer, start: number, length: number): Promise<void> {
  let done = 0
  while (done < length) {
    const taken = await file.append(bytes, start + done, length - done)
    if (taken === 0) throw new Error('the disk took no bytes')
    assert(taken <= length - done, 'a disk takes no more bytes than it was given')
    done += taken
  }
}

/**
 * Replaces a file's content at one stroke: after a power cut there is the old content or the new.
 */
export async function replaceFile(disk: Disk, file: string, content: Buffer): Promise<void> {
  const directory = path.dirname(file)
  const temporary = path.join(directory, `temp-${path.basename(file)}`)
  const open = await disk.open(temporary, 'create')
  try {
    await writeAll(open, content, 0, content.length, 0)
    await open.sync()
  } finally {
    await open.close()
  }
  await disk.rename(temporary, file)
  await disk.syncDirectory(directory)
}
