// `respite audit` of a data directory that no server uses: compares its files with each other.
//
//   before the rewrite   The log that a base replaced, where it is still there, against that base.
//                        A base is made of memory, the log of clients' requests: damage that memory
//                        took before the rewrite is a difference here.
//   twice                The log replayed, and replayed once more. Between the two each value is
//                        written as in a snapshot and read back. This tests whether the machine and
//                        the program keep what they read.
//   snapshot             dump.rdb against the log, where both name the same offset of one history.
//
// Nothing in the directory is changed. Damage that is older than every file, or that the log has
// copied, looks like data.

import path from 'node:path'
import type { Config } from '../../config/config.ts'
import type { HistoryPosition } from '../../engine/effects/replication-history.ts'
import type { KeyDifference } from '../../engine/effects/saving.ts'
import type { Engine } from '../../engine/engine.ts'
import type { DigestDepth } from '../../store/keyspace/data-digest.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Disk } from '../disk/disk.ts'
import { PersistenceError } from '../errors.ts'
import { AofDirectory, PART_NAME } from '../log/aof-directory.ts'
import type { Part } from '../log/manifest.ts'
import { replay } from '../log/replay.ts'
import { PayloadReader, PayloadWriter } from '../rdb/payload.ts'
import { checkSnapshot } from '../snapshot/check-rdb.ts'
import { positionIn } from '../snapshot/history-note.ts'
import { readSnapshot } from '../snapshot/load-snapshot.ts'
import { compare, Findings } from './comparison.ts'
import { ALL_KEYS } from './portion.ts'
import { ValueTable } from './value-table.ts'
import { ValueSums, ValuesWriter } from './values-writer.ts'

/** All fields that expire are compared: both sides come from the same files. */
const WHOLLY: DigestDepth = { fieldsFromMs: 0 }
const NO_PACE = { isOver: false, rest: async (): Promise<void> => {} }

/** One comparison. */
export interface Compared {
  /** Names both sides, for people. */
  readonly what: string
  readonly keys: number
  readonly differing: number
  readonly named: readonly KeyDifference[]
  /** The meaning of `only-in-memory` and `only-in-file` here. */
  readonly one: string
  readonly other: string
}

export interface DirectoryAudit {
  readonly compared: readonly Compared[]
  /** Comparisons that were not possible, and why. */
  readonly left: readonly string[]
}

/**
 * Compares the files of a directory. `make` makes engines to read them. Throws PersistenceError,
 * and the disk's error.
 */
export async function auditDirectory(disk: Disk, config: Config, make: () => Engine): Promise<DirectoryAudit> {
  return new DirectoryAuditor(disk, config, make).run()
}

class DirectoryAuditor {
  readonly #disk: Disk
  readonly #config: Config
  readonly #make: () => Engine
  readonly #compared: Compared[] = []
  readonly #left: string[] = []

  constructor(disk: Disk, config: Config, make: () => Engine) {
    this.#disk = disk
    this.#config = config
    this.#make = make
  }

  async run(): Promise<DirectoryAudit> {
    const config = this.#config
    const directory = await AofDirectory.open(
      this.#disk,
      { dir: config.get('dir'), directoryName: config.get('appenddirname'), prefix: config.get('appendfilename') },
      'read',
    )
    const dump = path.join(config.get('dir'), config.get('dbfilename'))
    const hasDump = await this.#disk.exists(dump)
    if (directory.manifest.parts.length > 0) {
      await this.#beforeRewrite(directory)
      await this.#log(directory, hasDump ? dump : undefined)
    } else if (hasDump) {
      await this.#snapshotAlone(dump)
    } else {
      throw new PersistenceError(
        config.get('dir'),
        undefined,
        'there is neither an append-only file nor a snapshot in it',
        'Name the directory that the server has as dir; --appenddirname, --appendfilename and --dbfilename if they are not the usual ones',
      )
    }
    return { compared: this.#compared, left: this.#left }
  }

  /** Compares the last log that was replaced with the base that replaced it. */
  async #beforeRewrite(directory: AofDirectory): Promise<void> {
    const { base, history } = directory.manifest
    const kindOf = ({ name }: Part): string | undefined => PART_NAME.exec(name)?.[3]
    const increments = directory.replacedIncrements
    const bases = history.filter((part) => kindOf(part)?.startsWith('base') === true)
    const first = bases.sort((a, b) => a.sequence - b.sequence)[0]
    const old = first === undefined ? [] : [first, ...increments]
    const missing = []
    for (const part of old) if (!(await this.#disk.exists(directory.pathOf(part)))) missing.push(part.name)
    const isWhole = increments.every((part, i) => i === 0 || part.sequence === itemAt(increments, i - 1).sequence + 1)
    if (base === undefined || old.length < 2 || missing.length > 0 || !isWhole) {
      this.#left.push(
        'the log from before the last rewrite is not there any more: damage from before that cannot be seen (aof-disable-auto-gc keeps it)',
      )
      return
    }
    const depth = { fieldsFromMs: await this.#momentOf(directory.pathOf(base)) }
    const before = await this.#load(
      directory,
      old.map((part, i) => ({ ...part, type: i === 0 ? 'base' : 'increment' })),
    )
    const table = tableOf(before, depth)
    release(before)
    const after = await this.#load(directory, [base])
    await this.#compare(table, after, depth, {
      what: `the log before the last rewrite (${old.map(({ name }) => name).join(', ')}) with the base that it became (${base.name})`,
      one: 'only in the log before',
      other: 'only in the base',
    })
    release(after)
  }

  async #log(directory: AofDirectory, dump: string | undefined): Promise<void> {
    const { parts } = directory.manifest
    const first = await this.#load(directory, parts)
    const position = first.effects.history.found
    const table = tableOf(first, WHOLLY)
    this.#readBack(first)
    release(first)
    const second = await this.#load(directory, parts)
    await this.#compare(table, second, WHOLLY, {
      what: `the log (${parts.length} files), replayed and replayed again`,
      one: 'only the first time',
      other: 'only the second time',
    })
    if (dump !== undefined) await this.#againstDump(dump, position, second)
    release(second)
  }

  async #snapshotAlone(dump: string): Promise<void> {
    const first = await this.#loadDump()
    const table = tableOf(first, WHOLLY)
    this.#readBack(first)
    release(first)
    const second = await this.#loadDump()
    await this.#compare(table, second, WHOLLY, {
      what: `the snapshot (${dump}), loaded and loaded again`,
      one: 'only the first time',
      other: 'only the second time',
    })
    release(second)
    this.#left.push('there is no append-only file: what the snapshot was made of cannot be told')
  }

  async #againstDump(dump: string, position: HistoryPosition | undefined, log: Engine): Promise<void> {
    const { auxiliaries } = await this.#describe(dump)
    const ofDump = positionIn(auxiliaries)
    if (
      position === undefined ||
      ofDump === undefined ||
      position.id !== ofDump.id ||
      position.offset !== ofDump.offset
    ) {
      this.#left.push(`${dump} was not compared: the files do not say that it is of the moment at which the log ends`)
      return
    }
    const depth = { fieldsFromMs: momentIn(auxiliaries) }
    const table = tableOf(log, depth)
    const snapshot = await this.#loadDump()
    await this.#compare(table, snapshot, depth, {
      what: `the log with the snapshot of the same moment (${dump})`,
      one: 'only in the log',
      other: 'only in the snapshot',
    })
    release(snapshot)
  }

  /** Writes each value as in a snapshot, reads it back and compares. */
  #readBack(engine: Engine): void {
    const findings = new Findings()
    const scratch = this.#begun()
    const [sums, again] = [new ValueSums(WHOLLY), new ValueSums(WHOLLY)]
    const [writer, reader, name] = [new PayloadWriter(), new PayloadReader(), new Bytes()]
    for (const db of engine.databases) {
      for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
        if (!db.keys.isLive(entry)) continue
        findings.keys++
        for (let isWhole = sums.begin(db, entry); !isWhole; ) isWhole = sums.step()
        const payload = writer.write(db, entry, false)
        const value = reader.read(payload, itemAt(scratch.databases, 0))
        for (let isWhole = again.beginValue(value); !isWhole; ) isWhole = again.step()
        const [one, other] = [sums.last, again.last]
        if (one?.low !== other?.low || one?.high !== other?.high)
          findings.add(db.index, db.keys.keyOf(entry, name).toString(), 'value')
        if (!(value instanceof Bytes)) value.free()
        writer.release()
      }
    }
    release(scratch)
    this.#note(findings, { what: 'each value, written as a snapshot has it and read back', one: '', other: '' })
  }

  async #compare(
    table: ValueTable,
    engine: Engine,
    depth: DigestDepth,
    words: Pick<Compared, 'what' | 'one' | 'other'>,
  ): Promise<void> {
    const findings = new Findings()
    await compare(table, engine, { findings, portion: ALL_KEYS, depth, pace: NO_PACE })
    this.#note(findings, words)
  }

  #note({ differing, keys, named }: Findings, words: Pick<Compared, 'what' | 'one' | 'other'>): void {
    this.#compared.push({ ...words, keys, differing, named })
  }

  #begun(): Engine {
    const engine = this.#make()
    engine.conditions.loading.begin()
    return engine
  }

  async #load(directory: AofDirectory, parts: readonly Part[]): Promise<Engine> {
    const engine = this.#begun()
    const files = { manifest: { parts }, pathOf: (part: Part) => directory.pathOf(part), disk: this.#disk }
    await replay(engine, files, { tornEnd: 'left' })
    return engine
  }

  async #loadDump(): Promise<Engine> {
    const engine = this.#begun()
    await readSnapshot(engine, this.#disk, { expired: 'kept' })
    return engine
  }

  /**
   * A file has every field of a hash that expires after this time. Fields that were due earlier may
   * be missing in it.
   */
  async #momentOf(file: string): Promise<number> {
    return momentIn((await this.#describe(file)).auxiliaries)
  }

  async #describe(name: string): Promise<{ auxiliaries: Map<string, string> }> {
    const auxiliaries = new Map<string, string>()
    const file = await this.#disk.open(name, 'read')
    try {
      const note = (field: string, value: string): void => void auxiliaries.set(field, value)
      await checkSnapshot(file, await file.size(), { auxiliary: note })
    } finally {
      await file.close()
    }
    return { auxiliaries }
  }
}

/**
 * A snapshot names the time of its making in whole seconds. Without it, all fields that expire are
 * left out.
 */
function momentIn(auxiliaries: ReadonlyMap<string, string>): number {
  const seconds = Number(auxiliaries.get('ctime') ?? Number.NaN)
  return Number.isFinite(seconds) ? (seconds + 1) * 1000 : Number.POSITIVE_INFINITY
}

/** Notes a fingerprint of each value of an engine. */
function tableOf(engine: Engine, depth: DigestDepth): ValueTable {
  const table = new ValueTable(engine.databases.reduce((sum, { size }) => sum + size, 0))
  const writer = new ValuesWriter(table, ALL_KEYS, depth, () => {})
  for (const code of engine.parts.scripts.libraries()) writer.function(code)
  for (const db of engine.databases) {
    writer.select(db.index)
    for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
      if (db.keys.isLive(entry) && !writer.begin(db, entry)) writer.step(Number.POSITIVE_INFINITY)
    }
  }
  return table
}

function release(engine: Engine): void {
  for (const db of engine.databases) db.clear()
  engine.stop()
}
