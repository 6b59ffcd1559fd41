// Is an RDB file whole? Reads it as a start would, value by value, and keeps nothing.

import { CommandCatalog } from '../engine/command-catalog.ts'
import { Config } from '../engine/config.ts'
import { Engine } from '../engine/engine.ts'
import type { Database } from '../store/database.ts'
import type { Value } from '../store/value.ts'
import type { Bytes } from '../util/bytes.ts'
import { dateNow } from '../util/real-time.ts'
import type { Disk, DiskFile } from './disk.ts'
import { RdbDamage } from './rdb/damage.ts'
import type { KeyAttributes, RdbTarget } from './rdb/rdb-parser.ts'
import { readRdb } from './rdb/read-rdb.ts'

/** What an RDB file holds. */
export interface RdbContent {
  keys: number
  /** Of those, keys that expire, and keys whose time is up already. */
  volatile: number
  expired: number
  /** Databases with keys. */
  databases: number
  functionLibraries: number
  /** The program that wrote it, as it calls itself; undefined when it does not say. */
  writtenBy: string | undefined
}

export interface RdbVerdict {
  size: number
  /** What was found, up to the damage if there is any. */
  content: RdbContent
  /** 0 when the file is none at all. */
  version: number
  /** Where the snapshot ends; commands may follow. Undefined when it is damaged. */
  end: number | undefined
  /** What is wrong, and where. */
  damage: { offset: number; problem: string } | undefined
}

/** Checks a file. Throws what the disk says. */
export async function checkRdb(disk: Disk, path: string, nowMs = dateNow()): Promise<RdbVerdict> {
  const file = await disk.open(path, 'read')
  try {
    return await checkSnapshot(file, await file.size(), nowMs)
  } finally {
    await file.close()
  }
}

/** Checks the snapshot that an open file begins with. */
export async function checkSnapshot(
  file: Pick<DiskFile, 'read'>,
  size: number,
  nowMs = dateNow(),
): Promise<RdbVerdict> {
  const target = new CountingTarget(nowMs)
  const { content } = target
  try {
    const { end, version } = await readRdb({ file, size, target, checksum: true })
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
  /** Structures are built to be checked, in the memory of an engine of their own. */
  readonly #engine: Engine
  readonly #nowMs: number
  readonly #databases = new Set<number>()

  constructor(nowMs: number) {
    this.#engine = new Engine({ commands: new CommandCatalog([]), config: new Config() })
    this.#nowMs = nowMs
  }

  auxiliary(name: string, value: string): void {
    if (name === 'redis-ver') this.content.writtenBy = value
  }

  selectDatabase(index: number): Database {
    this.#databases.add(index)
    this.content.databases = this.#databases.size
    return this.#engine.databases[0]!
  }

  expect(): void {}

  string(_key: Bytes, _value: Bytes, _owned: boolean, attributes: KeyAttributes): void {
    this.#count(attributes)
  }

  structure(_key: Bytes, value: Value, attributes: KeyAttributes): void {
    value.free()
    this.#count(attributes)
  }

  empty(): void {}

  finish(): boolean {
    return true
  }

  function(): void {
    this.content.functionLibraries++
  }

  #count({ expiryMs }: KeyAttributes): void {
    const { content } = this
    content.keys++
    if (expiryMs === -1) return
    content.volatile++
    if (expiryMs < this.#nowMs) content.expired++
  }
}
