// The command table: every command by its name.
//
// A group of commands is filed when one of them is first asked for (command-catalog.ts).

import type { Arguments } from '../../protocol/arguments.ts'
import { byteAt, itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { ACL_CATEGORIES, aclCategories } from './acl-categories.ts'
import type { Command } from './command.ts'
import type { CommandCatalog } from './command-catalog.ts'

const TABLE_SIZE = 2048
/** Longer words are unknown, unless a command was renamed to such a word. */
const NAME_LENGTH_MAX = 32

/** Commands by name, found by the request's bytes without making a string. */
export class CommandTable {
  /** The number of commands, with subcommands. Their numbers begin at 0. */
  readonly idCount: number
  readonly catalog: CommandCatalog
  /** The groups that no request has asked for yet. */
  readonly #waiting: Set<number>
  /** The renames, in this order: from, to. */
  readonly renames: (readonly [string, string])[] = []
  /**
   * The commands of the groups that are filed, by name. When all groups are, they stand in the
   * order of their numbers.
   */
  readonly #byName = new Map<string, Command>()
  /** Commands that were renamed or removed, by their former names. */
  readonly #originals = new Map<string, Command>()
  #byCategory: Map<string, Command[]> | undefined = undefined
  /** Open addressing over a hash of the lower-cased name. */
  readonly #slots: (Command | undefined)[] = new Array(TABLE_SIZE).fill(undefined)
  /** Slot → the name of the command in it. */
  readonly #names: string[] = new Array(TABLE_SIZE).fill('')
  #nameLengthMax = NAME_LENGTH_MAX
  /**
   * The command found last, because pipelines repeat commands. A word of four to eight bytes is
   * compared by its first four and its last four bytes.
   */
  #recent: Command | undefined = undefined
  #recentLength = 0
  #recentHead = 0
  #recentTail = 0

  /** Tells if this server has a command. Others are unknown. */
  readonly #isOffered: (command: Command) => boolean

  constructor(catalog: CommandCatalog, isOffered: (command: Command) => boolean = () => true) {
    this.catalog = catalog
    this.#isOffered = isOffered
    this.idCount = catalog.idCount
    this.#waiting = new Set(catalog.groups.keys())
  }

  /** Files a group. Each table has copies of the commands, because it counts their calls. */
  #take(group: number): void {
    const isNew = this.#waiting.delete(group)
    assert(isNew, 'a group of commands is filed once')
    let id = itemAt(this.catalog.firstIds, group)
    for (const command of this.catalog.commandsOf(group)) {
      if (this.#isOffered(command)) this.#add({ ...command, id })
      id++
    }
  }

  /**
   * Files the group of a command, and returns the command; undefined = there is none of that name
   * in a group that is not filed yet.
   */
  #fetch(lower: string): Command | undefined {
    if (this.#waiting.size === 0) return undefined
    const group = this.catalog.find(lower)
    if (group === undefined || !this.#waiting.has(group)) return undefined
    this.#take(group)
    return this.#byName.get(lower)
  }

  #takeAll(): void {
    if (this.#waiting.size === 0) return
    for (const group of [...this.#waiting]) this.#take(group)
    const inOrder = [...this.#byName].sort(([, a], [, b]) => a.id - b.id)
    this.#byName.clear()
    for (const [name, command] of inOrder) this.#byName.set(name, command)
  }

  #add(command: Command): void {
    const bar = command.name.indexOf('|')
    if (bar !== -1) {
      const container = this.#byName.get(command.name.slice(0, bar))
      if (container === undefined) throw new Error(`${command.name}: its container must be registered first`)
      container.subcommands ??= new Map()
      container.subcommands.set(command.name.slice(bar + 1), command)
      return
    }
    this.#byName.set(command.name, command)
    this.#file(command.name, command)
  }

  /**
   * Renames a command, as `rename-command` does; an empty name removes it. Names are in lower case.
   *
   * Errors and statistics go on using its own name. Called before the first request.
   */
  rename(from: string, to: string): void {
    this.#takeAll()
    const command = this.#byName.get(from)
    if (command === undefined || this.#byName.has(to)) throw new Error(`${from} cannot be renamed to ${to}`)
    this.renames.push([from, to])
    this.#byName.delete(from)
    if (!this.#originals.has(command.name)) this.#originals.set(command.name, command)
    if (to !== '') this.#byName.set(to, command)
    this.#nameLengthMax = Math.max(this.#nameLengthMax, to.length)
    this.#slots.fill(undefined)
    for (const [name, filed] of this.#byName) this.#file(name, filed)
  }

  #file(name: string, command: Command): void {
    assert(this.#byName.size < TABLE_SIZE, 'the table has room for another name')
    let slot = hashName(name)
    while (this.#slots[slot] !== undefined) slot = (slot + 1) & (TABLE_SIZE - 1)
    this.#slots[slot] = command
    this.#names[slot] = name
  }

  /**
   * As `find`, for a request from a server that does not know of renames: of an append-only file,
   * or from a primary.
   */
  findWritten(word: Bytes): Command | undefined {
    return this.find(word) ?? this.#originals.get(word.toString().toLowerCase())
  }

  /** Returns the command of a name in any case; undefined when there is none. */
  find(word: Bytes): Command | undefined {
    const { length, start } = word
    if (length > this.#nameLengthMax) return undefined
    const { u8, view } = word.source
    const short = length >= 4 && length <= 8
    if (
      short &&
      length === this.#recentLength &&
      view.getInt32(start, true) === this.#recentHead &&
      view.getInt32(start + length - 4, true) === this.#recentTail
    ) {
      return this.#recent
    }
    let hash = length
    for (let i = start; i < start + length; i++) hash = (Math.imul(hash, 31) + (byteAt(u8, i) | 32)) | 0
    let slot = (hash ^ (hash >>> 11)) & (TABLE_SIZE - 1)
    while (true) {
      const command = this.#slots[slot]
      if (command === undefined) return this.#fetch(word.toString().toLowerCase())
      if (sameName(itemAt(this.#names, slot), u8, start, length)) {
        if (short) {
          this.#recent = command
          this.#recentLength = length
          this.#recentHead = view.getInt32(start, true)
          this.#recentTail = view.getInt32(start + length - 4, true)
        }
        return command
      }
      slot = (slot + 1) & (TABLE_SIZE - 1)
    }
  }

  /** Returns a command by its full name, `config|get` included. */
  get(name: string): Command | undefined {
    const lower = name.toLowerCase()
    const bar = lower.indexOf('|')
    if (bar !== -1) return this.get(lower.slice(0, bar))?.subcommands?.get(lower.slice(bar + 1))
    return this.#byName.get(lower) ?? this.#fetch(lower)
  }

  /**
   * Returns a command by the full name that it had before commands were renamed. Rules of users
   * have these names.
   */
  getOriginal(name: string): Command | undefined {
    const lower = name.toLowerCase()
    const bar = lower.indexOf('|')
    if (bar !== -1) return this.getOriginal(lower.slice(0, bar))?.subcommands?.get(lower.slice(bar + 1))
    const command = this.#originals.get(lower) ?? this.#byName.get(lower) ?? this.#fetch(lower)
    return command?.name === lower ? command : undefined
  }

  /**
   * Returns the command of a request's first two words: CONFIG and GET are `config|get`. See also
   * `meantBy`.
   */
  meant(name: string, second: unknown): Command | undefined {
    const named = this.get(name)
    return named?.subcommands === undefined ? named : named.subcommands.get(String(second).toLowerCase())
  }

  /**
   * Returns the commands of a category, with subcommands; undefined = there is no such category.
   */
  inCategory(name: string): readonly Command[] | undefined {
    this.#byCategory ??= this.#sortOut()
    return this.#byCategory.get(name)
  }

  #sortOut(): Map<string, Command[]> {
    const byCategory = new Map<string, Command[]>(ACL_CATEGORIES.map((category) => [category, []]))
    for (const command of this.all()) {
      for (const category of aclCategories(command)) byCategory.get(category)!.push(command)
    }
    return byCategory
  }

  /** The number of commands, without subcommands. */
  get size(): number {
    this.#takeAll()
    return this.#byName.size
  }

  /** Returns the commands in order of registration, without subcommands. */
  values(): IterableIterator<Command> {
    this.#takeAll()
    return this.#byName.values()
  }

  /** As `all`, without the groups that are not filed: their commands have never been called. */
  *used(): IterableIterator<Command> {
    for (const command of [...this.#byName.values()].sort((a, b) => a.id - b.id)) {
      yield command
      if (command.subcommands !== undefined) yield* command.subcommands.values()
    }
  }

  /** Every command and subcommand, in the same order. */
  *all(): IterableIterator<Command> {
    for (const command of this.values()) {
      yield command
      if (command.subcommands !== undefined) yield* command.subcommands.values()
    }
  }
}

function hashName(name: string): number {
  let hash = name.length
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + (name.charCodeAt(i) | 32)) | 0
  return (hash ^ (hash >>> 11)) & (TABLE_SIZE - 1)
}

function sameName(name: string, u8: Buffer, start: number, length: number): boolean {
  if (name.length !== length) return false
  for (let i = 0; i < length; i++) {
    let byte = byteAt(u8, start + i)
    if (byte >= 65 && byte <= 90) byte += 32
    if (name.charCodeAt(i) !== byte) return false
  }
  return true
}

/**
 * Returns the command that a request means: of a container, the subcommand that its second word
 * names; undefined = there is none.
 */
export function meantBy(command: Command, args: Arguments): Command | undefined {
  if (command.subcommands === undefined || args.length < 2) return command
  return command.subcommands.get(args.string(1).toLowerCase())
}

/** Tells if a request has the right number of words for a command, whose name stands at `from`. */
export function hasArity(command: Command, args: Arguments, from = 0): boolean {
  const words = args.length - from
  if (command.arity >= 0) return words === command.arity
  if (words < -command.arity) return false
  return words <= command.plainWordsMax || command.spec.ownOption!(args, from + command.plainWordsMax)
}
