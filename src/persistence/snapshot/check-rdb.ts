// Checks whether an RDB file is whole: reads it as a start would, value by value, and keeps
// nothing.

import { type DataDigest, KeyDigest } from '../../store/keyspace/data-digest.ts'
import { Database } from '../../store/keyspace/database.ts'
import { LoneHost } from '../../store/keyspace/lone-host.ts'
import type { Value } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { HashKey } from '../../util/tables/keyed-hash.ts'
import { dateNow, setImmediate } from '../../util/time/real-time.ts'
import type { Disk, DiskFile } from '../disk/disk.ts'
import { RdbDamage } from '../rdb/damage.ts'
import type { KeyAttributes, RdbTarget } from '../rdb/rdb-parser.ts'
import { readRdb } from '../rdb/read-rdb.ts'

/** Bytes of a large value that are digested in one go: a millisecond's work. */
const SLICE_BYTES = 256 * 1024

/** The content of an RDB file. */
export interface RdbContent {
  keys: number
  /** Keys among them that expire, and keys whose time is up already. */
  volatile: number
  expired: number
  /** Databases with keys. */
  databases: number
  functionLibraries: number
  /** The program that wrote it, as it calls itself; undefined when the file does not say. */
  writtenBy: string | undefined
}

export interface RdbVerdict {
  size: number
  /** The content up to the damage, if there is any. */
  content: RdbContent
  /** 0 when the file is no RDB file. */
  version: number
  /** Where the snapshot ends; commands may follow. Undefined when it is damaged. */
  end: number | undefined
  /** The damage and its offset; undefined = none. */
  damage: { offset: number; problem: string } | undefined
}

/** Checks a file. Throws the disk's error. */
export async function checkRdb(disk: Disk, path: string, nowMs = dateNow()): Promise<RdbVerdict> {
  const file = await disk.open(path, 'read')
  try {
    return await checkSnapshot(file, await file.size(), { nowMs })
  } finally {
    await file.close()
  }
}

export interface CheckOptions {
  /** Default: now. */
  readonly nowMs?: number
  /** The content of the file is added to it. */
  readonly digest?: DataDigest
  /** Is told each field of the file about itself. */
  auxiliary?(name: string, value: string): void
}

/**
 * Checks the snapshot that an open file begins with. The file is read from its beginning to its
 * end.
 */
export async function checkSnapshot(
  file: Pick<DiskFile, 'read'>,
  size: number,
  options: CheckOptions = {},
): Promise<RdbVerdict> {
  const target = new CountingTarget(options)
  const { content } = target
  try {
    const progress = (): Promise<void> | undefined => target.settle()
    const { end, version } = await readRdb({ file, size, target, checksum: true, progress })
    return { size, content, version, end, damage: undefined }
  } catch (error) {
    if (!(error instanceof RdbDamage)) throw error
    return { size, content, version: 0, end: undefined, damage: { offset: error.offset ?? 0, problem: error.message } }
  }
}

class CountingTarget implements RdbTarget {
  readonly content: RdbContent = {
    keys: 0,
    volatile: 0,
    expired: 0,
    databases: 0,
    functionLibraries: 0,
    writtenBy: undefined,
  }
  /** Structures are built to be checked, in memory of their own. */
  readonly #memory = new Database(0, new LoneHost(HashKey.draw()))
  readonly #options: CheckOptions
  readonly #nowMs: number
  readonly #databases = new Set<number>()
  #database = 0
  /** Large values that are not digested yet. */
  #unsettled: { readonly keys: KeyDigest; readonly value: Value }[] = []
  #keys: KeyDigest | undefined

  constructor(options: CheckOptions) {
    const { digest, nowMs = dateNow() } = options
    this.#options = options
    this.#nowMs = nowMs
    this.#keys = digest && new KeyDigest(digest)
  }

  auxiliary(name: string, value: string): void {
    if (name === 'redis-ver') this.content.writtenBy = value
    this.#options.auxiliary?.(name, value)
  }

  selectDatabase(index: number): Database {
    this.#database = index
    this.#databases.add(index)
    this.content.databases = this.#databases.size
    return this.#memory
  }

  expect(): void {}

  string(key: Bytes, value: Bytes, _owned: boolean, attributes: KeyAttributes): void {
    this.#count(attributes)
    const keys = this.#keys
    if (keys === undefined || this.#begin(keys, key, value, attributes)) return
    // The window moves on.
    while (!keys.step());
  }

  structure(key: Bytes, value: Value, attributes: KeyAttributes): void {
    this.#count(attributes)
    const keys = this.#keys
    if (keys === undefined || this.#begin(keys, key, value, attributes)) {
      value.free()
      return
    }
    this.#unsettled.push({ keys, value })
    const { digest } = this.#options
    assert(digest !== undefined, 'keys are digested for a digest')
    this.#keys = new KeyDigest(digest)
  }

  #begin(keys: KeyDigest, key: Bytes, value: Bytes | Value, { expiryMs }: KeyAttributes): boolean {
    return keys.begin(this.#database, key, expiryMs === -1 ? undefined : expiryMs, value)
  }

  empty(): void {}

  /** Digests the values of a chunk, with rests in between. */
  async settle(): Promise<void> {
    while (!this.finish()) await new Promise((resolve) => setImmediate(resolve))
  }

  finish(): boolean {
    const one = this.#unsettled[0]
    if (one === undefined) return true
    if (one.keys.step(SLICE_BYTES)) {
      one.value.free()
      this.#unsettled.shift()
    }
    return false
  }

  function(code: string): void {
    this.content.functionLibraries++
    this.#options.digest?.addLibrary(code)
  }

  #count({ expiryMs }: KeyAttributes): void {
    const { content } = this
    content.keys++
    if (expiryMs === -1) return
    content.volatile++
    if (expiryMs < this.#nowMs) content.expired++
  }
}
