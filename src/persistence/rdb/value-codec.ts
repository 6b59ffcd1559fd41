// One value, both ways: finds the codec of its type, and frees a value that turned out damaged.

import type { Database } from '../../store/keyspace/database.ts'
import {
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_STREAM,
  TYPE_ZSET,
  VALUE_KINDS,
  type Value,
} from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { RdbDamage, RdbUnsupported, STARVED } from './damage.ts'
import { HashReader, HashWriter } from './hash-codec.ts'
import { ListReader, ListWriter } from './list-codec.ts'
import { TYPE } from './rdb-format.ts'
import type { RdbInput } from './rdb-input.ts'
import type { RdbOutput } from './rdb-output.ts'
import { SetReader, SetWriter } from './set-codec.ts'
import { SortedSetReader, SortedSetWriter } from './sorted-set-codec.ts'
import { StreamReader, StreamWriter } from './stream-codec.ts'
import type { StructureReader, StructureWriter } from './structure-codec.ts'

const MODULE_NAME_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const MODULE_NAME_LENGTH = 9

/** The codec of one type of value. */
interface Codec {
  readonly type: number
  readonly writer: () => StructureWriter
  readonly reader: () => StructureReader
  /** The types that files have for it. */
  readonly inFiles: readonly number[]
}

const CODECS: readonly Codec[] = [
  {
    type: TYPE_LIST,
    writer: () => new ListWriter(),
    reader: () => new ListReader(),
    inFiles: [TYPE.list, TYPE.listZiplist, TYPE.listQuicklist, TYPE.listQuicklist2],
  },
  {
    type: TYPE_HASH,
    writer: () => new HashWriter(),
    reader: () => new HashReader(),
    inFiles: [
      TYPE.hash,
      TYPE.hashZipmap,
      TYPE.hashZiplist,
      TYPE.hashListpack,
      TYPE.hashExpiringPreRelease,
      TYPE.hashExpiringListpackPreRelease,
      TYPE.hashExpiring,
      TYPE.hashExpiringListpack,
    ],
  },
  {
    type: TYPE_SET,
    writer: () => new SetWriter(),
    reader: () => new SetReader(),
    inFiles: [TYPE.set, TYPE.setIntset, TYPE.setListpack],
  },
  {
    type: TYPE_STREAM,
    writer: () => new StreamWriter(),
    reader: () => new StreamReader(),
    inFiles: [TYPE.streamV1, TYPE.streamV2, TYPE.streamV3],
  },
  {
    type: TYPE_ZSET,
    writer: () => new SortedSetWriter(),
    reader: () => new SortedSetReader(),
    inFiles: [TYPE.zsetText, TYPE.zset, TYPE.zsetZiplist, TYPE.zsetListpack],
  },
]

const READERS = new Map(CODECS.flatMap(({ inFiles, reader }) => inFiles.map((type) => [type, reader] as const)))
const WRITERS = new Map(CODECS.map(({ type, writer }) => [type, writer] as const))

/** Reads structures, one at a time. Callers read strings themselves. */
export class ValueReader {
  /** By type; each is made when it is first needed, as the code of its structure is. */
  readonly #readers: StructureReader[] = []
  #current: StructureReader | undefined = undefined

  /**
   * Begins a value of a type, in a database's memory. For a module's value the module's name is
   * read from `input`. Throws RdbDamage.
   */
  begin(type: number, input: RdbInput, db: Database): void {
    assert(this.#current === undefined, 'one value is read at a time')
    const reader = this.#readers[type] ?? READERS.get(type)?.()
    if (reader === undefined) throw unknownType(type, input)
    this.#readers[type] = reader
    reader.begin(type, db)
    this.#current = reader
  }

  /**
   * Reads to the value's end and returns it; undefined when it has no elements. Throws STARVED (go
   * on later) or RdbDamage.
   */
  read(input: RdbInput): Value | undefined {
    const reader = this.#current
    assert(reader !== undefined, 'a value that is read was begun')
    try {
      reader.read(input)
    } catch (error) {
      if (error !== STARVED) this.abandon()
      throw error
    }
    const { value } = reader
    assert(value !== undefined, 'a reader has made the value that it began')
    reader.value = undefined
    this.#current = undefined
    if (value.length > 0 || !emptyIsNothing(value)) return value
    value.free()
    return undefined
  }

  /** Gives up the value that is being read. */
  abandon(): void {
    const reader = this.#current
    if (reader === undefined) return
    this.#current = undefined
    reader.value?.free()
    reader.value = undefined
  }
}

/** Writes structures, one at a time. */
export class ValueWriter {
  /** By type of value; each is made when it is first needed. */
  readonly #writers: StructureWriter[] = []
  #current!: StructureWriter
  /**
   * The whole value was handed to the output, which may still gather the end of its last string.
   */
  #whole = false

  typeOf(value: Value): number {
    return this.#writerOf(value).typeOf(value)
  }

  #writerOf({ type }: Value): StructureWriter {
    const known = this.#writers[type]
    if (known !== undefined) return known
    const made = WRITERS.get(type)?.()
    assert(made !== undefined, 'each structure has a codec')
    this.#writers[type] = made
    return made
  }

  begin(value: Value): void {
    this.#current = this.#writerOf(value)
    this.#whole = false
    this.#current.begin(value)
  }

  /** Writes on until the output holds `untilBytes`; true when the value is whole. */
  write(output: RdbOutput, untilBytes: number): boolean {
    while (output.writeRest(untilBytes)) {
      if (this.#whole) return true
      this.#whole = this.#current.write(output, untilBytes)
      if (!this.#whole && !output.hasRest) return false
    }
    return false
  }
}

/**
 * A stream may be empty and still have a last id; any other value without elements does not exist.
 */
function emptyIsNothing({ type }: Value): boolean {
  return VALUE_KINDS[type]?.mayBeEmpty !== true
}

function unknownType(type: number, input: RdbInput): RdbDamage {
  if (type !== TYPE.module && type !== TYPE.modulePreRelease) return new RdbDamage(`${type} is no type of a value`)
  return new RdbUnsupported(`the value belongs to the module ${moduleName(input.uint64())}, which cannot be loaded`)
}

/** Spells the name in a module's id: nine letters of six bits, then ten bits of version. */
export function moduleName(id: bigint): string {
  let name = ''
  for (let i = 0; i < MODULE_NAME_LENGTH; i++) {
    name += MODULE_NAME_LETTERS[Number((id >> BigInt(58 - 6 * i)) & 63n)]
  }
  return `'${name}'`
}
