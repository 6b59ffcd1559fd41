// Parses an RDB file, from its magic to its last opcode, out of the bytes in the chunk.
//
//   REDIS0010 ([opcode …] | [expiry, idle, frequency …][type][key][value])… 255
//
// `run` goes on until the chunk is used up or the end is reached. In the first case it returns
// false, and expects another call with more bytes. A string key is one piece: it is taken from the
// chunk into the database without a copy between. The key of a structure is put aside, since the
// structure may reach over many chunks.

import type { Database } from '../../store/keyspace/database.ts'
import type { Value } from '../../store/structures/value.ts'
import { Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import { RdbDamage, RdbUnsupported, STARVED } from './damage.ts'
import { OPCODE, RDB_VERSION_MAX, TYPE } from './rdb-format.ts'
import type { RdbInput } from './rdb-input.ts'
import { moduleName, ValueReader } from './value-codec.ts'

const MAGIC = 'REDIS'
const MAGIC_BYTES = 9
/** A type, the length of a key, the length of a value. */
const KEY_BYTES_MIN = 3
/** From this version on a checksum follows the end. */
const CHECKSUM_SINCE = 5

/** The attributes that stand before a key; one object for all keys. */
export class KeyAttributes {
  /** Unix ms, -1 = never. */
  expiryMs = -1
  /** Seconds since it was used, -1 = unknown. */
  idleSeconds = -1
  /** Redis's 8-bit frequency, -1 = unknown. */
  frequency = -1

  clear(): void {
    this.expiryMs = -1
    this.idleSeconds = -1
    this.frequency = -1
  }
}

/**
 * Takes the content of a file, in its order. Windows are valid during the call. Throws RdbDamage
 * for content that it cannot take.
 */
export interface RdbTarget {
  auxiliary(name: string, value: string): void
  /**
   * The keys that follow belong to this database. Returns the database whose memory their
   * structures get.
   */
  selectDatabase(index: number): Database
  /** Announces how many keys follow in this database. */
  expect(keys: number, volatileKeys: number): void
  /** `owned`: the value has its source for itself, and it may be kept. */
  string(key: Bytes, value: Bytes, owned: boolean, attributes: KeyAttributes): void
  /** The structure is the target's from here on. */
  structure(key: Bytes, value: Value, attributes: KeyAttributes): void
  /** A key without elements, which is not loaded. */
  empty(key: Bytes): void
  /** A function library's code. */
  function(code: string): void
  /**
   * Called at the end, for work that was left until then: a millisecond's work a call; true when
   * nothing is left.
   */
  finish(): boolean
}

export class RdbParser {
  /** The file's version, 0 = not read yet. */
  version = 0
  readonly #input: RdbInput
  readonly #target: RdbTarget
  readonly #values = new ValueReader()
  /** The database whose memory structures get. */
  #db!: Database
  readonly #attributes = new KeyAttributes()
  readonly #key = new Bytes()
  readonly #value = new Bytes()
  /** Memory for the key of the structure being read. */
  #keySource = Source.allocate(256)
  #inStructure = false
  #selected = false

  constructor(input: RdbInput, target: RdbTarget) {
    this.#input = input
    this.#target = target
  }

  /** Tells whether a checksum follows the end. */
  get hasChecksum(): boolean {
    return this.version >= CHECKSUM_SINCE
  }

  /**
   * Reads on; true when the end was reached, false when more bytes are needed (see
   * RdbInput.needed). Throws RdbDamage.
   */
  run(): boolean {
    const input = this.#input
    try {
      if (this.version === 0) {
        this.#header()
        input.keep()
      }
      while (true) {
        if (this.#inStructure) {
          this.#structure()
        } else {
          const opcode = input.byte()
          if (opcode === TYPE.string) this.#string()
          else if (opcode === OPCODE.end) return true
          else this.#other(opcode)
        }
        input.keep()
      }
    } catch (error) {
      if (error !== STARVED) throw error
      input.rewind()
      return false
    }
  }

  /** Frees a value that is half read. */
  abandon(): void {
    this.#values.abandon()
  }

  #header(): void {
    const input = this.#input
    input.need(MAGIC_BYTES)
    const magic = input.source.u8.toString('latin1', input.at, input.at + MAGIC_BYTES)
    if (!magic.startsWith(MAGIC)) throw new RdbDamage('this is no RDB file')
    const version = /^\d{4}$/.test(magic.slice(MAGIC.length)) ? Number(magic.slice(MAGIC.length)) : 0
    if (version < 1) throw new RdbDamage('this is no RDB file')
    if (version > RDB_VERSION_MAX) {
      throw new RdbUnsupported(`its format is version ${version}, this server reads up to ${RDB_VERSION_MAX}`)
    }
    input.skip(MAGIC_BYTES)
    this.version = version
  }

  #string(): void {
    this.#enter()
    const input = this.#input
    const key = input.string(this.#key)
    const value = input.string(this.#value)
    this.#target.string(key, value, input.owned(value), this.#attributes)
    this.#attributes.clear()
  }

  #structure(): void {
    const value = this.#values.read(this.#input)
    this.#inStructure = false
    if (value === undefined) this.#target.empty(this.#key)
    else this.#target.structure(this.#key, value, this.#attributes)
    this.#attributes.clear()
  }

  #other(opcode: number): void {
    const input = this.#input
    const attributes = this.#attributes
    switch (opcode) {
      case OPCODE.expiryMs:
        attributes.expiryMs = input.int64()
        return
      case OPCODE.expirySeconds:
        attributes.expiryMs = (input.uint32() | 0) * 1000
        return
      case OPCODE.idle:
        attributes.idleSeconds = input.length()
        return
      case OPCODE.frequency:
        attributes.frequency = input.byte()
        return
      case OPCODE.selectDatabase:
        this.#selected = true
        this.#db = this.#target.selectDatabase(input.length())
        return
      case OPCODE.resize: {
        this.#enter()
        // Hints: no file has more keys than it has bytes for.
        const keysMax = Math.floor(input.left / KEY_BYTES_MIN)
        const keys = Math.min(input.length(), keysMax)
        this.#target.expect(keys, Math.min(input.length(), keys))
        return
      }
      case OPCODE.auxiliary: {
        const name = input.string(this.#key).toString()
        this.#target.auxiliary(name, input.string(this.#value).toString())
        return
      }
      case OPCODE.slotInfo:
        for (let i = 0; i < 3; i++) input.length()
        return
      case OPCODE.function:
        this.#target.function(input.string(this.#value).toString())
        return
      case OPCODE.functionPreRelease:
        throw new RdbUnsupported('it holds functions in the format of a Redis 7.0 release candidate')
      case OPCODE.moduleAuxiliary:
        throw new RdbUnsupported(`it holds data of the module ${moduleName(input.uint64())}, which cannot be loaded`)
      default:
        this.#beginStructure(opcode)
    }
  }

  #beginStructure(type: number): void {
    this.#enter()
    const input = this.#input
    const key = input.string(this.#key)
    this.#values.begin(type, input, this.#db)
    if (key.length > this.#keySource.u8.length) this.#keySource = Source.allocate(key.length)
    copyBytes(this.#keySource, 0, key.source, key.start, key.length)
    key.set(this.#keySource, 0, key.length)
    this.#inStructure = true
  }

  /** Keys before any SELECT belong to database 0. */
  #enter(): void {
    if (this.#selected) return
    this.#selected = true
    this.#db = this.#target.selectDatabase(0)
  }
}
