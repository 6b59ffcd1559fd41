// The keys of one round of an audit: all keys, or, to need less memory, one part after the other.
//
// A part is a set of keys by hash. Replaying it needs more than its own keys: RENAME, LMOVE,
// SUNIONSTORE and their like make one key of another. So the files are read once before, and keys
// that a command names together are joined. A round replays its own keys and all keys that they are
// joined with, in any number of steps. That is sound for any log. Where commands join nearly all
// keys, parts save no memory.

import type { Command } from '../../engine/spec/command.ts'
import { meantBy } from '../../engine/spec/command-table.ts'
import { findKeys } from '../../engine/spec/key-extraction.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import type { Keyspace } from '../../store/keyspace/keyspace.ts'
import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'

/**
 * Keys are joined by sets, this many of them: half a megabyte is enough for a log of any length.
 */
const SETS = 1 << 16

/** The keys of one round. */
export interface Portion {
  /** Tells whether a key of this hash is compared in this round. */
  compares(hash: number): boolean
  /** Tells whether a key of this hash is replayed in this round. */
  replays(hash: number): boolean
}

export const ALL_KEYS: Portion = { compares: () => true, replays: () => true }

/**
 * Tells whether a round has to run a command of the log: it names no key, or one that is replayed.
 */
export function concerns(portion: Portion, keys: Keyspace, command: Command, args: Arguments): boolean {
  const found = findKeys(subcommandOf(command, args), args)
  if (found === undefined || found.length === 0) return true
  return found.some(({ index }) => portion.replays(keys.hash(args.bytes(index))))
}

/** Returns the subcommand, if it is one: containers have no keys of their own. */
function subcommandOf(command: Command, args: Arguments): Command {
  return meantBy(command, args) ?? command
}

/** One part of several; `note` reads its log before it is replayed. */
export class PartOfKeys implements Portion {
  readonly #part: number
  readonly #parts: number
  /** The next step from each set to the set that stands for its whole. */
  readonly #joined = new Int32Array(SETS)
  /** Wholes that hold a key of this part; undefined until the log was read. */
  #replayed: Uint8Array | undefined = undefined

  /** `part` of `parts`, counted from 0. */
  constructor(part: number, parts: number) {
    assert(0 <= part && part < parts && parts <= SETS, 'a part is one of several, and each has sets of keys')
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
    // Each key is deleted by itself, whether or not the others are there.
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

  /** Joins all keys: every round needs all of them. */
  joinAll(): void {
    assert(this.#replayed === undefined, 'keys are joined before any is replayed')
    this.#joined.fill(0)
  }

  #wholes(): Uint8Array {
    const wholes = new Uint8Array(SETS)
    for (let set = 0; set < SETS; set++) if (this.compares(set)) wholes[this.#wholeOf(set)] = 1
    return wholes
  }

  #join(one: number, other: number): void {
    assert(this.#replayed === undefined, 'keys are joined before any is replayed')
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
