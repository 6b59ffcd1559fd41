// What a database holds: memory, index, strings, structures; and earlier states of all that.
//
// To keep a state copies nothing. It begins an *era* (arena.ts), and three rules hold from then on:
//
//   pages of the index   are copied before they are written to for the first time in the era (util/memory/kept-pages.ts)
//   slabs                that are in use stay as they are: what is written is allocated elsewhere
//   values               that are there are not changed: the gate puts a copy in the place of one that is going to be
//                        (Database.passGate), and what is removed or replaced becomes a leftover
//
// So going back is to take the old pages and to forget the new slabs, whatever was done since: no value is visited. To give
// a state up is to free its leftovers. States stand one upon another; each knows what was given up in its era, which lasts
// until the next one begins. What is still part of a lower state then becomes that one's leftover.
//
// A branch is contents of another database that begin with a kept state: they share its pages, slabs and values, and the same
// rules keep either side from writing to them.

import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { discarded } from '../../util/memory/discarded.ts'
import { happened } from '../../util/restless.ts'
import { Numbered, type NumberedState } from '../../util/tables/numbered.ts'
import { Arena, type ArenaState, type Holder, Leftovers } from '../memory/arena.ts'
import { Compaction, type CompactionHost } from '../memory/compaction.ts'
import { LazyFree } from '../memory/lazy-free.ts'
import type { StructureHost } from '../structures/encoding-limits.ts'
import type { Value } from '../structures/value.ts'
import type { StringsHost } from './database-host.ts'
import { Keyspace, type KeyspaceState } from './keyspace.ts'
import type { LargeStringsState } from './large-strings.ts'
import { Strings } from './strings.ts'

/** What contents need of the engine. */
type ContentsHost = StringsHost & StructureHost & CompactionHost

/** Numbers of a process: memory passes between contents, so no two may have the same. */
const last = {
  /**
   * The newest era of all contents of the process. Two billion fit into the words that note them.
   */
  era: 0,
  /** The number of the contents that came last. */
  number: 0,
}

/** A state that is kept. */
export class KeptState {
  readonly contents: Contents
  /** The era that began with it. */
  readonly era: number
  /** What was part of it and was given up in its era. */
  leftovers = new Leftovers()
  /** What was no part of it, but of a state below that is not kept any more. */
  readonly spent = new Leftovers()
  /** Values that were on their way out. */
  readonly leaving: Holder[]
  readonly arena: ArenaState
  readonly keys: KeyspaceState
  readonly strings: LargeStringsState
  readonly structures: NumberedState<Value>
  /** Slabs that others read who began with a state that is gone here. */
  lent: number[] = []
  /** How many hold it: it is given up when the last one lets go. */
  holders = 1
  /** True when branches begin with it: going back to a lower state must spare what they read. */
  readonly isShared: boolean
  /** The state that holds its memory since somebody went back to a lower one. */
  movedTo: KeptState | undefined = undefined

  constructor(contents: Contents, isShared: boolean) {
    const era = ++last.era
    const { arena, keys, lazyFree, strings, structures } = contents
    this.contents = contents
    this.era = era
    this.isShared = isShared
    this.leaving = lazyFree.giveAll()
    this.arena = arena.keep(era, this.leftovers)
    this.keys = keys.keep()
    this.strings = strings.keep()
    this.structures = structures.keep(era)
  }
}

export class Contents {
  /** No other contents have it. */
  readonly number = ++last.number
  readonly arena: Arena
  readonly keys: Keyspace
  /** The strings, by entry. */
  readonly strings: Strings
  readonly structures = new Numbered<Value>()
  /** Large structures that were removed. */
  readonly lazyFree: LazyFree
  readonly compaction: Compaction
  /** The states that are kept, the newest last. */
  readonly #states: KeptState[] = []
  #isAbandoned = false

  /** `arena` and `lazyFree` may be those of other contents, whose values are going to come here. */
  constructor(host: ContentsHost, arena = new Arena(), lazyFree = new LazyFree()) {
    this.arena = arena
    this.lazyFree = lazyFree
    this.keys = new Keyspace(arena, host.hashKey, host.indexesSlots)
    this.strings = new Strings(host, this.keys, arena)
    this.compaction = new Compaction(host, arena, this.keys, this.strings, this.structures)
  }

  /** Makes contents that begin with a kept state, the newest of its contents, which must stay kept as long as these live. */
  static branch(state: KeptState, host: ContentsHost): Contents {
    const branch = new Contents(host, state.contents.arena.branch(state.arena))
    branch.keys.epoch = state.contents.keys.epoch
    branch.keys.restore(state.keys)
    branch.strings.restore(state.strings)
    branch.structures.restore(state.structures, state.era)
    return branch
  }

  /** Keeps the present state. `isShared` = a branch will begin with it. */
  keep(isShared: boolean): KeptState {
    const state = new KeptState(this, isShared)
    this.#states.push(state)
    return state
  }

  /** Goes back to a kept state, which stays kept. Those above it are gone. */
  restore(state: KeptState): void {
    assert(this.#states.includes(state), 'a state that is gone back to is kept')
    this.#isAbandoned = false
    const later = this.#states.splice(this.#states.indexOf(state) + 1)
    const shared = later.filter(({ isShared }) => isShared)
    state.leftovers = new Leftovers()
    this.lazyFree.giveAll()
    const lent = this.arena.restore(
      state.arena,
      state.era,
      state.leftovers,
      later.map(({ arena }) => arena),
      shared.at(-1)?.era ?? 0,
    )
    this.keys.restore(state.keys)
    this.strings.restore(state.strings)
    this.structures.restore(state.structures, state.era)
    if (shared.length === 0) return
    // What they share with this state must not be written to when it is given up before they are.
    const moved = this.keep(true)
    moved.holders = 0
    moved.lent = lent
    for (const one of shared) {
      moved.holders += one.holders
      for (const slab of one.lent) moved.lent.push(slab)
      one.movedTo = moved
    }
  }

  /** Lets go of a kept state: when nobody else holds it, what only it kept is freed. */
  release(held: KeptState): void {
    let state = held
    while (state.movedTo !== undefined) state = state.movedTo
    const at = this.#states.indexOf(state)
    if (at === -1 || --state.holders > 0) return
    if (CHECKED) happened('earlier state given up')
    this.#states.splice(at, 1)
    const below = this.#states[at - 1]
    const above = this.#states[at]
    if (above === undefined) this.#goBackTo(below, state)
    else for (const source of state.arena.large) above.arena.large.add(source)
    this.#pass(state.leftovers, below, above)
    this.#pass(state.spent, below, above)
    if (above === undefined) this.lazyFree.takeAll(state.leaving)
    else for (const value of state.leaving) above.leaving.push(value)
    this.arena.takeBack(state.lent)
    if (this.#isAbandoned) this.abandon()
  }

  /** Nobody uses the contents any more: their memory goes at once, unless a state is kept. */
  abandon(): void {
    this.#isAbandoned = true
    if (this.#states.length > 0) return
    this.strings.discard()
    this.keys.discard()
    this.arena.discard()
  }

  #goBackTo(below: KeptState | undefined, { arena }: KeptState): void {
    const era = below?.era ?? this.arena.firstEra
    this.arena.goBackTo(era, below?.leftovers ?? new Leftovers(), arena)
    this.keys.goBack()
    this.strings.goBack()
    this.structures.goBackTo(era)
  }

  /** Hands leftovers of a state that is given up to the one below that has them, or to the one above, or frees them. */
  #pass({ blocks, buffers, values }: Leftovers, below: KeptState | undefined, above: KeptState | undefined): void {
    const to = (since: number): Leftovers | undefined =>
      below !== undefined && since < below.era ? below.leftovers : above?.spent
    for (const ref of blocks) {
      const heir = to(this.arena.sinceOf(ref))
      if (heir === undefined) this.arena.free(ref)
      else heir.blocks.push(ref)
    }
    for (const left of buffers) {
      const heir = to(left.since)
      if (heir === undefined) discarded.add(left.buffer)
      else heir.buffers.push(left)
    }
    for (const left of values) {
      const heir = to(left.since)
      if (heir === undefined) this.lazyFree.take(left.value)
      else heir.values.push(left)
    }
  }
}
