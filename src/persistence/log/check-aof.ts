// Checks whether an append-only log is whole, and if not, up to where; and cuts it there.
//
// It checks the form, not the commands: counts, lengths and line ends, and that MULTI and EXEC pair
// up. redis-check-aof looks at as much. A start looks at more, because it runs the commands
// (replay.ts).
//
// Only the end of the last file may be cut. Damage in an earlier file cannot be mended by a cut:
// the later commands were applied to the data that it held.

import path from 'node:path'
import { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { type Disk, type DiskFile, readFile } from '../disk/disk.ts'
import { checkSnapshot, type RdbVerdict } from '../snapshot/check-rdb.ts'
import { CommandReader, DamagedFile } from './command-reader.ts'
import { Manifest } from './manifest.ts'

export interface AofFileVerdict {
  path: string
  size: number
  /** The snapshot it begins with. */
  snapshot: RdbVerdict | undefined
  /** Whole commands, those of transactions included. */
  commands: number
  /** The bytes up to here are whole commands and transactions. */
  wholeTo: number
  /** The first damage and its offset; undefined = none. */
  damage: { offset: number; problem: string } | undefined
  /**
   * True when a note of a later time than the one asked for follows `wholeTo`; reading went no
   * further.
   */
  reachedTime: boolean
}

export interface AofVerdict {
  /** The files looked at, in their order; a damaged one is the last of them. */
  files: AofFileVerdict[]
  /** True when the last of `files` is the last of the log: only that one may be cut. */
  lastIsLast: boolean
}

/**
 * Checks one file, or all files that a manifest names. Reading stops at damage, and at the first
 * note of a time after `untilSeconds` (Unix time). Throws the disk's error, and PersistenceError
 * for a file that is no manifest.
 */
export async function checkAof(disk: Disk, file: string, untilSeconds = Number.POSITIVE_INFINITY): Promise<AofVerdict> {
  const paths = await filesOf(disk, file)
  const files: AofFileVerdict[] = []
  for (const name of paths) {
    const verdict = await checkAofFile(disk, name, untilSeconds)
    files.push(verdict)
    if (verdict.damage !== undefined || verdict.reachedTime) break
  }
  return { files, lastIsLast: files.length === paths.length }
}

/** Cuts a file off behind its last whole unit, durably. */
export async function cutAof(disk: Disk, { path: name, wholeTo }: AofFileVerdict): Promise<void> {
  const file = await disk.open(name, 'write')
  try {
    await file.truncate(wholeTo)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function filesOf(disk: Disk, file: string): Promise<string[]> {
  if (!file.endsWith('.manifest')) return [file]
  const manifest = Manifest.parse(await readFile(disk, file), file)
  return manifest.parts.map((part) => path.join(path.dirname(file), part.name))
}

/** Checks one file. Throws the disk's error. */
export async function checkAofFile(
  disk: Disk,
  name: string,
  untilSeconds = Number.POSITIVE_INFINITY,
): Promise<AofFileVerdict> {
  const file = await disk.open(name, 'read')
  try {
    const size = await file.size()
    const snapshot = (await isSnapshot(file)) ? await checkSnapshot(file, size) : undefined
    const verdict: AofFileVerdict = {
      path: name,
      size,
      snapshot,
      commands: 0,
      wholeTo: snapshot?.end ?? 0,
      damage: snapshot?.damage,
      reachedTime: false,
    }
    if (verdict.damage === undefined) await new Check(file, verdict, untilSeconds).run()
    return verdict
  } finally {
    await file.close()
  }
}

async function isSnapshot(file: DiskFile): Promise<boolean> {
  const magic = Buffer.alloc(5)
  await file.read(magic, 0, magic.length, 0)
  return magic.toString('latin1') === 'REDIS'
}

/** Thrown at a note of a time that is too late. */
const REACHED_TIME = Symbol('reached the time')

class Check {
  readonly #reader: CommandReader
  readonly #verdict: AofFileVerdict
  readonly #untilSeconds: number
  /**
   * Where the current transaction's MULTI stands, -1 outside of one, and how many commands it has
   * so far.
   */
  #unitStart = -1
  #unitCommands = 0

  constructor(file: DiskFile, verdict: AofFileVerdict, untilSeconds: number) {
    this.#verdict = verdict
    this.#untilSeconds = untilSeconds
    this.#reader = new CommandReader(file, verdict.size, verdict.wholeTo)
    this.#reader.onAnnotation = (text) => this.#note(text)
  }

  async run(): Promise<void> {
    const reader = this.#reader
    const verdict = this.#verdict
    try {
      do this.#commands()
      while (await reader.fill(reader.offset))
      if (this.#unitStart === -1 && reader.offset === verdict.size) verdict.wholeTo = verdict.size
      if (verdict.wholeTo < verdict.size) {
        const within = this.#unitStart === -1 ? 'a command' : `the transaction that began at ${this.#unitStart}`
        verdict.damage = { offset: verdict.wholeTo, problem: `the file ends within ${within}` }
      }
    } catch (error) {
      if (error === REACHED_TIME) verdict.reachedTime = true
      else if (error instanceof DamagedFile) verdict.damage = { offset: error.offset, problem: error.message }
      else throw error
    }
  }

  /** Reads all whole commands in the buffer. */
  #commands(): void {
    const reader = this.#reader
    const args = new Arguments()
    for (let start = reader.offset; reader.next(args); start = reader.offset) {
      const name = args.bytes(0)
      this.#unitCommands++
      if (name.equalsIgnoreCase('MULTI')) {
        if (this.#unitStart !== -1) throw new DamagedFile(start, 'MULTI within MULTI')
        this.#unitStart = start
      } else if (name.equalsIgnoreCase('EXEC')) {
        if (this.#unitStart === -1) throw new DamagedFile(start, 'EXEC without MULTI')
        this.#unitStart = -1
      }
      if (this.#unitStart !== -1) continue
      if (CHECKED) assert(this.#verdict.wholeTo <= start && this.#unitCommands > 0, 'a whole unit ends behind the last')
      this.#verdict.commands += this.#unitCommands
      this.#unitCommands = 0
      this.#verdict.wholeTo = reader.offset
    }
  }

  #note(text: string): void {
    const seconds = /^#TS:(\d{1,15})\r?$/.exec(text)?.[1]
    if (seconds !== undefined && Number(seconds) > this.#untilSeconds) throw REACHED_TIME
  }
}
