// One value, both ways: which codec knows its type, and what becomes of a value that turned out damaged.

import type { Database } from '../../store/database.ts'
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET, type Value } from '../../store/value.ts'
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

/** Reads structures, one at a time. Strings are read by the callers: there is nothing to make. */
export class ValueReader {
  readonly #readers: (StructureReader | undefined)[] = []
  #current: StructureReader | undefined = undefined

  constructor() {
    this.#register(new ListReader(), TYPE.list, TYPE.listZiplist, TYPE.listQuicklist, TYPE.listQuicklist2)
    this.#register(new HashReader(), TYPE.hash, TYPE.hashZipmap, TYPE.hashZiplist, TYPE.hashListpack)
    this.#register(new HashReader(), TYPE.hashExpiringPreRelease, TYPE.hashExpiringListpackPreRelease)
    this.#register(new HashReader(), TYPE.hashExpiring, TYPE.hashExpiringListpack)
    this.#register(new SetReader(), TYPE.set, TYPE.setIntset, TYPE.setListpack)
    this.#register(new StreamReader(), TYPE.streamV1, TYPE.streamV2, TYPE.streamV3)
    this.#register(new SortedSetReader(), TYPE.zsetText, TYPE.zset, TYPE.zsetZiplist, TYPE.zsetListpack)
  }

  #register(reader: StructureReader, ...types: number[]): void {
    for (const type of types) this.#readers[type] = reader
  }

  /** Begins a value of a type, which will lie in a database's memory; `input` is where its module's name is read from if it is a module's. Throws RdbDamage. */
  begin(type: number, input: RdbInput, db: Database): void {
    const reader = this.#readers[type]
    if (reader === undefined) throw unknownType(type, input)
    reader.begin(type, db)
    this.#current = reader
  }

  /** Reads to the value's end and returns it; undefined when it has no elements. Throws STARVED (go on later) or RdbDamage. */
  read(input: RdbInput): Value | undefined {
    const reader = this.#current!
    try {
      reader.read(input)
    } catch (error) {
      if (error !== STARVED) this.abandon()
      throw error
    }
    const value = reader.value!
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
  readonly #writers: (StructureWriter | undefined)[] = []
  #current!: StructureWriter
  /** All of it is with the output, though the output may not have gathered the last string's end. */
  #whole = false

  constructor() {
    this.#writers[TYPE_LIST] = new ListWriter()
    this.#writers[TYPE_HASH] = new HashWriter()
    this.#writers[TYPE_SET] = new SetWriter()
    this.#writers[TYPE_STREAM] = new StreamWriter()
    this.#writers[TYPE_ZSET] = new SortedSetWriter()
  }

  typeOf(value: Value): number {
    return this.#writers[value.type]!.typeOf(value)
  }

  begin(value: Value): void {
    this.#current = this.#writers[value.type]!
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

/** A stream may be empty and still remember its last id; anything else without elements does not exist. */
function emptyIsNothing(value: Value): boolean {
  return value.type !== TYPE_STREAM
}

function unknownType(type: number, input: RdbInput): RdbDamage {
  if (type !== TYPE.module && type !== TYPE.modulePreRelease) return new RdbDamage(`${type} is no type of a value`)
  return new RdbUnsupported(`the value belongs to the module ${moduleName(input.uint64())}, which cannot be loaded`)
}

/** Spells the name that a module's id holds: nine letters of six bits, then ten bits of version. */
export function moduleName(id: bigint): string {
  let name = ''
  for (let i = 0; i < MODULE_NAME_LENGTH; i++) {
    name += MODULE_NAME_LETTERS[Number((id >> BigInt(58 - 6 * i)) & 63n)]
  }
  return `'${name}'`
}
