// Which keys an audit looks at in one round: all of them, or, to need less memory, one part after the other.
//
// A part is a set of keys by hash. Replaying it needs more than its own keys: RENAME, LMOVE, SUNIONSTORE and their like make one
// key of another. So the files are read once before, and the keys that a command names together are joined; a round replays its own
// keys and all that they are joined with, by whatever number of steps. That is sound for any log. Where commands join nearly all
// keys, parts save no memory.

import type { Command } from '../../engine/spec/command.ts'
import { meantBy } from '../../engine/spec/command-table.ts'
import { findKeys } from '../../engine/spec/key-extraction.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import type { Keyspace } from '../../store/keyspace/keyspace.ts'
import { itemAt, numberAt } from '../../util/array-reads.ts'

/** Keys are joined by sets of this many: half a megabyte knows all about a log of any length. */
const SETS = 1 << 16

/** The keys of one round. */
export interface Portion {
  /** Tells whether a key of this hash is compared in this round. */
  compares(hash: number): boolean
  /** Tells whether a key of this hash is replayed in this round. */
  replays(hash: number): boolean
}

export const ALL_KEYS: Portion = { compares: () => true, replays: () => true }

/** Tells whether a round has to run a command of the log: it names no key, or one that is replayed. */
export function concerns(portion: Portion, keys: Keyspace, command: Command, args: Arguments): boolean {
  const found = findKeys(subcommandOf(command, args), args)
  if (found === undefined || found.length === 0) return true
  return found.some(({ index }) => portion.replays(keys.hash(args.bytes(index))))
}

/** Containers have no keys of their own. */
function subcommandOf(command: Command, args: Arguments): Command {
  return meantBy(command, args) ?? command
}

/** One part of several, whose log is read by `note` before it is replayed. */
export class PartOfKeys implements Portion {
  readonly #part: number
  readonly #parts: number
  /** The set that stands for each set's whole, by steps. */
  readonly #joined = new Int32Array(SETS)
  /** Wholes that hold a key of this part; undefined until the log was read. */
  #replayed: Uint8Array | undefined = undefined

  /** `part` of `parts`, counted from 0. */
  constructor(part: number, parts: number) {
    this.#part = part
    this.#parts = parts
    for (let set = 0; set < SETS; set++) this.#joined[set] = set
  }

  compares(hash: number): boolean {
    return (hash & (SETS - 1)) % this.#parts === this.#part
  }

  replays(hash: number): boolean {
    this.#replayed ??= this.#wholes()
    return this.#replayed[this.#wholeOf(hash & (SETS - 1))] === 1
  }

  /** Reads one command of the log. */
  note(keys: Keyspace, command: Command, args: Arguments): void {
    const { name, spec } = subcommandOf(command, args)
    // Each key goes by itself, whatever becomes of the others.
    if (name === 'del' || name === 'unlink') return
    // SORT with BY or GET reads keys that it does not name.
    const readsUnnamed = spec.keys?.some(({ unknown }) => unknown === true) === true
    const found = findKeys(subcommandOf(command, args), args)
    if (readsUnnamed && args.length > 2) {
      this.joinAll()
      return
    }
    if (found === undefined || found.length < 2) return
    const first = keys.hash(args.bytes(itemAt(found, 0).index)) & (SETS - 1)
    for (const { index } of found) this.#join(first, keys.hash(args.bytes(index)) & (SETS - 1))
  }

  /** Every round needs all keys. */
  joinAll(): void {
    this.#joined.fill(0)
  }

  #wholes(): Uint8Array {
    const wholes = new Uint8Array(SETS)
    for (let set = 0; set < SETS; set++) if (this.compares(set)) wholes[this.#wholeOf(set)] = 1
    return wholes
  }

  #join(one: number, other: number): void {
    this.#joined[this.#wholeOf(other)] = this.#wholeOf(one)
  }

  #wholeOf(set: number): number {
    const joined = this.#joined
    let whole = set
    while (joined[whole] !== whole) {
      joined[whole] = numberAt(joined, numberAt(joined, whole))
      whole = numberAt(joined, whole)
    }
    return whole
  }
}
