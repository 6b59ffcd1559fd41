// The contents of a database: memory, index, strings, structures; and earlier states of all these.
//
// Keeping a state copies nothing. It begins an *era* (arena.ts), and three rules hold from then on:
//
//   pages of the index   are copied before the first write in the era (util/memory/kept-pages.ts)
//   slabs in use         stay unchanged: new memory is allocated elsewhere
//   values that exist    are not changed: the gate replaces a value by a copy before it changes
//                        (Database.passGate). Removed and replaced values are freed later
//
// Returning to a state therefore takes the old pages and frees the new slabs; no value is visited,
// whatever was done since. Giving a state up does the deferred frees. States form a stack. Each has
// the deferred frees of its era, which lasts until the next state is kept. Memory that is still
// part of a lower state is passed to that one.
//
// A branch is contents of another database that begin with a kept state. It shares the state's
// pages, slabs and values. The same rules keep both sides from writing to them.

import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { discarded } from '../../util/memory/discarded.ts'
import { happened } from '../../util/restless.ts'
import { type NumberedState, NumberedTable } from '../../util/tables/numbered-table.ts'
import { Arena, type ArenaState, DeferredFrees, type MemoryHolder } from '../memory/arena.ts'
import { type ChangeReports, Compaction } from '../memory/compaction.ts'
import { LazyFree } from '../memory/lazy-free.ts'
import type { StructureSettings } from '../structures/encoding-limits.ts'
import type { Value } from '../structures/value.ts'
import type { StringsHost } from './database-host.ts'
import { Keyspace, type KeyspaceState } from './keyspace.ts'
import type { LargeStringsState } from './large-strings.ts'
import { Strings } from './strings.ts'

/** The parts of the engine that the contents of a database use. */
type ContentsHost = StringsHost & StructureSettings & { readonly reports: ChangeReports }

/** Numbers of a process: memory passes between contents, so no two may have the same. */
const last = {
  /**
   * The newest era of all contents of the process. Two billion fit into the words that note them.
   */
  era: 0,
  /** The number of the contents that came last. */
  number: 0,
}

/** The states of all parts of the contents. */
interface KeptImage {
  readonly arena: ArenaState
  readonly keys: KeyspaceState
  readonly strings: LargeStringsState
  readonly structures: NumberedState<Value>
}

/** A state that is kept. */
export class KeptState {
  readonly contents: DatabaseState
  /** The era that began with the state. */
  readonly era: number
  /** Memory that is part of the state and was freed in its era. */
  leftovers = new DeferredFrees()
  /** Memory that is not part of the state, but of a lower state that is no longer kept. */
  readonly spent = new DeferredFrees()
  /** Removed values that were not freed yet. */
  readonly leaving: MemoryHolder[]
  readonly image: KeptImage
  /** Slabs that are still read by branches, which began with a state that is gone here. */
  lent: number[] = []
  /** Number of holders. The state is given up when the last one releases it. */
  holders = 1
  /**
   * True when branches begin with it. Returning to a lower state must spare the memory that they
   * read.
   */
  readonly isShared: boolean
  /** The state that took over its memory when the contents returned to a lower state. */
  movedTo: KeptState | undefined = undefined

  constructor(contents: DatabaseState, isShared: boolean) {
    const era = ++last.era
    const { arena, keys, lazyFree, strings, structures } = contents
    this.contents = contents
    this.era = era
    this.isShared = isShared
    this.leaving = lazyFree.handOverAll()
    this.image = {
      arena: arena.keep(era, this.leftovers),
      keys: keys.keep(),
      strings: strings.keep(),
      structures: structures.keep(era),
    }
  }
}

export class DatabaseState {
  /** Unique among all contents of the process. */
  readonly number = ++last.number
  readonly arena: Arena
  readonly keys: Keyspace
  /** The strings, by entry. */
  readonly strings: Strings
  readonly structures = new NumberedTable<Value>()
  /** Large structures that were removed. */
  readonly lazyFree: LazyFree
  readonly compaction: Compaction
  /** The kept states, the newest last. */
  readonly #states: KeptState[] = []
  #isAbandoned = false

  /**
   * `arena` and `lazyFree` may be those of other contents, from which values will be handed over.
   */
  constructor(host: ContentsHost, arena = new Arena(), lazyFree = new LazyFree()) {
    this.arena = arena
    this.lazyFree = lazyFree
    this.keys = new Keyspace(arena, host.hashKey, host.indexesSlots)
    this.strings = new Strings(host, this.keys, arena)
    this.compaction = new Compaction(host.reports, arena, this.keys, this.strings, this.structures)
  }

  /**
   * Makes contents that begin with a kept state. It must be the newest of its contents, and stay
   * kept as long as the branch lives.
   */
  static branch(state: KeptState, host: ContentsHost): DatabaseState {
    assert(state.contents.#states.at(-1) === state, 'a branch begins with the newest state of its contents')
    assert(state.isShared, 'a state that a branch begins with was kept for that')
    const branch = new DatabaseState(host, state.contents.arena.branch(state.image.arena))
    branch.keys.epoch = state.contents.keys.epoch
    branch.keys.restore(state.image.keys)
    branch.strings.restore(state.image.strings)
    branch.structures.restore(state.image.structures, state.era)
    return branch
  }

  /** Keeps the present state. With `isShared` a branch will begin with it. */
  keep(isShared: boolean): KeptState {
    assert(!this.#isAbandoned, 'contents that were given up are kept no more')
    const state = new KeptState(this, isShared)
    assert((this.#states.at(-1)?.era ?? 0) < state.era, 'each kept state is later than the one before')
    this.#states.push(state)
    return state
  }

  /** Returns to a kept state, which stays kept. States above it are gone. */
  restore(state: KeptState): void {
    assert(this.#states.includes(state), 'a state that is gone back to is kept')
    this.#isAbandoned = false
    const later = this.#states.splice(this.#states.indexOf(state) + 1)
    const shared = later.filter(({ isShared }) => isShared)
    state.leftovers = new DeferredFrees()
    this.lazyFree.handOverAll()
    const lent = this.arena.restore(
      state.image.arena,
      state.era,
      state.leftovers,
      later.map(({ image: { arena } }) => arena),
      shared.at(-1)?.era ?? 0,
    )
    this.keys.restore(state.image.keys)
    this.strings.restore(state.image.strings)
    this.structures.restore(state.image.structures, state.era)
    if (shared.length === 0) return
    // Memory that they share with this state must not be written to if this state is given up
    // first.
    const moved = this.keep(true)
    moved.holders = 0
    moved.lent = lent
    for (const one of shared) {
      moved.holders += one.holders
      for (const slab of one.lent) moved.lent.push(slab)
      one.movedTo = moved
    }
  }

  /**
   * Releases a kept state. With the last holder, the memory that only this state needed is freed.
   */
  release(held: KeptState): void {
    let state = held
    while (state.movedTo !== undefined) state = state.movedTo
    const at = this.#states.indexOf(state)
    if (at === -1) return
    assert(state.holders > 0, 'a kept state has a holder until it is given up')
    if (--state.holders > 0) return
    if (CHECKED) happened('earlier state given up')
    this.#states.splice(at, 1)
    const below = this.#states[at - 1]
    const above = this.#states[at]
    if (above === undefined) this.#goBackTo(below, state)
    else for (const source of state.image.arena.large) above.image.arena.large.add(source)
    this.#pass(state.leftovers, below, above)
    this.#pass(state.spent, below, above)
    if (above === undefined) this.lazyFree.takeBack(state.leaving)
    else for (const value of state.leaving) above.leaving.push(value)
    this.arena.takeBack(state.lent)
    if (this.#isAbandoned) this.abandon()
  }

  /**
   * Frees the memory at once, or, while states are kept, when the last one is released. The
   * contents must not be used afterwards.
   */
  abandon(): void {
    this.#isAbandoned = true
    if (this.#states.length > 0) return
    this.strings.discard()
    this.keys.discard()
    this.arena.discard()
  }

  #goBackTo(below: KeptState | undefined, { image: { arena } }: KeptState): void {
    const era = below?.era ?? this.arena.firstEra
    this.arena.goBackTo(era, below?.leftovers ?? new DeferredFrees(), arena)
    this.keys.goBack()
    this.strings.goBack()
    this.structures.goBackTo(era)
  }

  /**
   * Disposes of the deferred frees of a state that is given up: passes each to the state below or
   * above that has the memory, or frees it.
   */
  #pass({ blocks, buffers, values }: DeferredFrees, below: KeptState | undefined, above: KeptState | undefined): void {
    const to = (since: number): DeferredFrees | undefined =>
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
