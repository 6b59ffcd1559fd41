// A sorted set: members with scores, ordered by score and then by the members' bytes.
//
// Small: pairs in order in one block (sorted-set-small.ts). Large: a dictionary from member to
// score, whose blocks have room for the score, and beside it the order as a tree (score-tree.ts). A
// set that has become large stays so.
//
// A *handle* identifies a member: an offset in the small form, an entry of the dictionary in the
// large one. A *position* walks along the order. Both are valid until the set changes.
//
// Redis's encoding is kept separately, because it depends on settings and on the past. It has one
// effect: a listpack holds whole numbers as integers, which have no -0 (ZADD k -0 m, ZSCORE k m).

import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { murmur64 } from '../../util/bytes/murmur64.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Random } from '../../util/numbers/random.ts'
import type { Arena } from '../memory/arena.ts'
import { ABSENT, Dictionary, FETCHED_MAX } from '../structures/dictionary.ts'
import { ElementCursor } from '../structures/element-cursor.ts'
import type { StructureSettings } from '../structures/encoding-limits.ts'
import { TYPE_ZSET, type Value } from '../structures/value.ts'
import type { GatheredScores } from './gathered-scores.ts'
import type { ScoreSpan } from './score-span.ts'
import { ScoreTree, TreePosition } from './score-tree.ts'
import type { LexRange, RankRange, ScoreRange } from './sorted-set-range.ts'
import {
  SMALL_FIRST,
  smallCheck,
  smallCount,
  smallCountBelow,
  smallEnd,
  smallFind,
  smallFits,
  smallInsert,
  smallMember,
  smallMove,
  smallNext,
  smallOffset,
  smallPlace,
  smallPrevious,
  smallRank,
  smallRemove,
  smallScore,
  smallSetScore,
} from './sorted-set-small.ts'

export { ABSENT }

/** A position in the order of a sorted set. */
export class SortedSetPosition {
  rank = 0
  score = 0
  /** Offset in the small form. */
  at = 0
  readonly tree = new TreePosition()
}

/** Bytes of a score behind its member. */
const SCORE_BYTES = 8
/** Bytes of a SortedSet on the JS heap. */
const OBJECT_BYTES = 72
/** Bytes of a Dictionary and a ScoreTree with their own fields. */
const LARGE_OBJECT_BYTES = 400
/** Blocks that are measured to estimate the size of a large set. */
const SAMPLES_MAX = 64
/** The most members that one step of a range removal takes. */
const REMOVED_AT_ONCE = 128
/** The cursors of a scan in hash order begin here, above every entry number. */
const HASH_CURSORS = 2 ** 32
/** With fewer members everything is in the cache anyway. */
const FETCHED_FROM_LENGTH = 4096

const window = new Bytes()
const scoreWindow = new Bytes()
const walk = new SortedSetPosition()
/** The hash by which a scan goes. It is not the keyed one, which a cursor would reveal. */
const hashed = new Int32Array(2)
const removedBlocks = new Int32Array(REMOVED_AT_ONCE)

export class SortedSet implements Value {
  static readonly type = TYPE_ZSET
  readonly #arena: Arena
  readonly #host: StructureSettings
  /** The block of the small form; 0 when empty or large. */
  #ref = 0
  #dictionary: Dictionary | undefined = undefined
  #tree: ScoreTree | undefined = undefined
  #skiplist = false

  constructor(arena: Arena, host: StructureSettings) {
    this.#arena = arena.viewFor('scored')
    this.#host = host
    arena.account(OBJECT_BYTES)
  }

  get type(): number {
    return TYPE_ZSET
  }

  get length(): number {
    return this.#dictionary === undefined ? smallCount(this.#arena, this.#ref) : this.#dictionary.count
  }

  /** The dictionary of a large set. */
  get table(): Dictionary | undefined {
    return this.#dictionary
  }

  get encoding(): 'listpack' | 'skiplist' {
    return this.#skiplist ? 'skiplist' : 'listpack'
  }

  // ── members ──────────────────────────────────────────────────────────────

  /** Returns the handle of a member, or ABSENT. */
  find(member: Bytes): number {
    const dictionary = this.#dictionary
    return dictionary === undefined ? smallFind(this.#arena, this.#ref, member) : dictionary.find(member)
  }

  /** Returns the score of a handle. */
  scoreOf(handle: number): number {
    const dictionary = this.#dictionary
    if (dictionary === undefined) return smallScore(this.#arena, this.#ref, handle)
    dictionary.valueOf(handle, SCORE_BYTES, scoreWindow)
    return scoreWindow.source.view.getFloat64(scoreWindow.start, true)
  }

  /** Returns the score of a member; undefined when there is no such member. */
  score(member: Bytes): number | undefined {
    const handle = this.find(member)
    return handle === ABSENT ? undefined : this.scoreOf(handle)
  }

  /**
   * Adds a member or gives it another score, which must not be NaN; tells whether it is new. Throws
   * ArenaFull, having changed nothing.
   */
  add(member: Bytes, score: number): boolean {
    const handle = this.find(member)
    if (handle === ABSENT) {
      this.insert(member, score)
      return true
    }
    this.move(handle, member, score)
    return false
  }

  /** Adds a member that `find` did not find. Throws ArenaFull, having changed nothing. */
  insert(member: Bytes, score: number): void {
    if (!this.#skiplist) {
      const limits = this.#host.limits.sortedSet
      if (this.length >= limits.entries || member.length > limits.value) this.#skiplist = true
      else if (score === 0) score = 0
    }
    const arena = this.#arena
    if (this.#dictionary === undefined) {
      if (smallFits(arena, this.#ref, member.length)) {
        this.#ref = smallInsert(arena, this.#ref, smallPlace(arena, this.#ref, score, member), score, member)
        return
      }
      this.#enlarge()
    }
    const dictionary = this.#dictionary!
    insertLarge(dictionary, this.#tree!, member, score)
  }

  /**
   * Gives the member of a handle another score; tells whether the score changed. Throws ArenaFull,
   * having changed nothing.
   */
  move(handle: number, member: Bytes, score: number): boolean {
    const old = this.scoreOf(handle)
    // 0 and -0 are the same score, so the first stays.
    if (old === score) return false
    if (score === 0 && !this.#skiplist) score = 0
    const dictionary = this.#dictionary
    if (dictionary === undefined) {
      smallMove(this.#arena, this.#ref, handle, score, member)
      return true
    }
    this.#tree!.move(old, member, dictionary.blockOf(handle), score)
    setScore(dictionary, handle, score)
    return true
  }

  /** Like `move`, except that 0 replaces -0 and -0 replaces 0, as where scores are summed up. */
  replaceScore(handle: number, member: Bytes, score: number): void {
    if (this.move(handle, member, score) || Object.is(this.scoreOf(handle), score) || !this.#skiplist) return
    if (this.#dictionary === undefined) {
      smallSetScore(this.#arena, this.#ref, handle, score)
      return
    }
    this.#tree!.seek(this.rankOf(handle, member), walk.tree)
    this.#tree!.rewriteScore(walk.tree, score)
    setScore(this.#dictionary, handle, score)
  }

  /** Removes a member; false when there is none. */
  remove(member: Bytes): boolean {
    const handle = this.find(member)
    if (handle === ABSENT) return false
    const dictionary = this.#dictionary
    if (dictionary === undefined) {
      this.#ref = smallRemove(this.#arena, this.#ref, handle, 1)
    } else {
      this.#tree!.remove(this.scoreOf(handle), member)
      dictionary.remove(handle)
    }
    return true
  }

  /**
   * Must be called before a member is removed at an end. Queues take one member after the other.
   * With every eighth, the memory that the next ones need is fetched together (bench: structures,
   * ZPOPMIN).
   */
  beforePopping(end: 'first' | 'last'): void {
    const dictionary = this.#dictionary
    if (dictionary === undefined) return
    const { count } = dictionary
    if (count % FETCHED_MAX !== 0 || count < FETCHED_FROM_LENGTH) return
    const tree = this.#tree!
    const position = walk.tree
    tree.seek(end === 'first' ? 0 : count - 1, position)
    for (let i = 0; i < FETCHED_MAX; i++) {
      removedBlocks[i] = tree.blockAt(position)
      if (end === 'first') tree.next(position)
      else tree.previous(position)
    }
    dictionary.fetch(removedBlocks, 0, FETCHED_MAX)
  }

  /** Removes `count` members from rank `rank` on. All of them must exist. */
  removeRange(rank: number, count: number): void {
    if (CHECKED) assert(rank >= 0 && rank + count <= this.length, 'members that are removed exist')
    const dictionary = this.#dictionary
    if (dictionary === undefined) {
      const arena = this.#arena
      if (count > 0) this.#ref = smallRemove(arena, this.#ref, smallOffset(arena, this.#ref, rank), count)
      return
    }
    while (count > 0) {
      const removed = this.#tree!.removeSome(rank, Math.min(count, REMOVED_AT_ONCE), removedBlocks)
      for (let i = 0; i < removed; i++) {
        if (removed > 1 && i % FETCHED_MAX === 0) {
          dictionary.fetch(removedBlocks, i, Math.min(removed, i + FETCHED_MAX))
        }
        dictionary.removeBlock(numberAt(removedBlocks, i))
      }
      count -= removed
    }
  }

  // ── order ────────────────────────────────────────────────────────────────

  /** Returns the rank of a handle's member; the lowest score has rank 0. */
  rankOf(handle: number, member: Bytes): number {
    return this.#dictionary === undefined
      ? smallRank(this.#arena, this.#ref, handle)
      : this.#tree!.rankOf(this.scoreOf(handle), member)
  }

  /**
   * Returns how many members have a score below `score`, or equal to it when `orEqual`. It is the
   * rank at which a range begins or ends.
   */
  countBelow(score: number, orEqual: boolean): number {
    if (this.#dictionary !== undefined) return this.#tree!.countBelow(score, orEqual)
    return this.#ref === 0 ? 0 : smallCountBelow(this.#arena, this.#ref, score, orEqual)
  }

  /** Finds the ranks of the members whose scores are in a range. */
  scoreRange(range: ScoreRange, ranks: RankRange): void {
    ranks.start = this.countBelow(range.min, range.minExclusive)
    // A range that ends before it begins is empty, not negative.
    ranks.end = Math.max(ranks.start, this.countBelow(range.max, !range.maxExclusive))
  }

  /**
   * Finds the ranks of the members in a range of members, which is meant for sets with equal
   * scores.
   *
   * With different scores Redis answers all the same: it walks a listpack from the end where the
   * reply begins. The small form does so, too.
   */
  lexRange(range: LexRange, backwards: boolean, ranks: RankRange): void {
    ranks.start = 0
    ranks.end = 0
    const { length } = this
    if (length === 0 || range.isEmpty) return
    if (this.#dictionary === undefined) {
      this.#lexRangeSmall(range, backwards, ranks)
      return
    }
    const { min, max } = range
    const tree = this.#tree!
    ranks.start = min.infinite === 0 ? tree.countBelowMember(min.member, min.exclusive) : min.infinite < 0 ? 0 : length
    ranks.end = max.infinite === 0 ? tree.countBelowMember(max.member, !max.exclusive) : max.infinite < 0 ? 0 : length
    ranks.end = Math.max(ranks.start, ranks.end)
  }

  #lexRangeSmall(range: LexRange, backwards: boolean, ranks: RankRange): void {
    const arena = this.#arena
    const ref = this.#ref
    const end = smallEnd(arena, ref)
    if (!range.reaches(smallMember(arena, ref, smallPrevious(arena, ref, end), window))) return
    if (!range.covers(smallMember(arena, ref, SMALL_FIRST, window))) return
    if (backwards) {
      let rank = this.length
      let at = end
      while (at > SMALL_FIRST && !range.covers(smallMember(arena, ref, smallPrevious(arena, ref, at), window))) {
        at = smallPrevious(arena, ref, at)
        rank--
      }
      ranks.end = rank
      while (at > SMALL_FIRST && range.reaches(smallMember(arena, ref, smallPrevious(arena, ref, at), window))) {
        at = smallPrevious(arena, ref, at)
        rank--
      }
      ranks.start = rank
      return
    }
    let rank = 0
    let at = SMALL_FIRST
    while (at < end && !range.reaches(smallMember(arena, ref, at, window))) {
      at = smallNext(arena, ref, at)
      rank++
    }
    ranks.start = rank
    while (at < end && range.covers(smallMember(arena, ref, at, window))) {
      at = smallNext(arena, ref, at)
      rank++
    }
    ranks.end = rank
  }

  // ── walking ──────────────────────────────────────────────────────────────

  /** Moves a position to a rank, 0 ≤ rank < length. */
  seek(rank: number, position: SortedSetPosition): void {
    position.rank = rank
    if (this.#dictionary === undefined) {
      position.at = smallOffset(this.#arena, this.#ref, rank)
      position.score = smallScore(this.#arena, this.#ref, position.at)
    } else {
      this.#tree!.seek(rank, position.tree)
      position.score = this.#tree!.scoreAt(position.tree)
    }
  }

  /** Moves a position to the next member; false at the end. */
  next(position: SortedSetPosition): boolean {
    position.rank++
    const tree = this.#tree
    if (tree === undefined) {
      const arena = this.#arena
      position.at = smallNext(arena, this.#ref, position.at)
      if (position.at >= smallEnd(arena, this.#ref)) return false
      position.score = smallScore(arena, this.#ref, position.at)
      return true
    }
    if (!tree.next(position.tree)) return false
    position.score = tree.scoreAt(position.tree)
    return true
  }

  /** Moves a position to the previous member; false at the beginning. */
  previous(position: SortedSetPosition): boolean {
    position.rank--
    const tree = this.#tree
    if (tree === undefined) {
      if (position.at <= SMALL_FIRST) return false
      position.at = smallPrevious(this.#arena, this.#ref, position.at)
      position.score = smallScore(this.#arena, this.#ref, position.at)
      return true
    }
    if (!tree.previous(position.tree)) return false
    position.score = tree.scoreAt(position.tree)
    return true
  }

  /** Points a window at the member at a position. */
  memberAt(position: SortedSetPosition, member: Bytes): Bytes {
    const dictionary = this.#dictionary
    return dictionary === undefined
      ? smallMember(this.#arena, this.#ref, position.at, member)
      : dictionary.memberOfBlock(this.#tree!.blockAt(position.tree), member)
  }

  /**
   * Moves a run to at least some of the members with a score of `score` or more; false when there
   * are none.
   */
  seekScore(score: number, run: ScoreSpan): boolean {
    if (this.#dictionary !== undefined) return this.#tree!.seekScore(score, run)
    const arena = this.#arena
    const ref = this.#ref
    const { length } = this
    if (length === 0) return false
    run.open(length)
    const end = smallEnd(arena, ref)
    for (let at = SMALL_FIRST; at < end; at = smallNext(arena, ref, at)) {
      const found = smallScore(arena, ref, at)
      if (found >= score) run.add(found, at)
    }
    return run.count > 0
  }

  /** Moves a run to the next members; false at the end. */
  nextRun(run: ScoreSpan): boolean {
    return this.#tree?.nextRun(run) ?? false
  }

  /** Points a window at the member of a handle that a run gave. */
  memberOfHandle(place: number, member: Bytes): Bytes {
    const dictionary = this.#dictionary
    return dictionary === undefined
      ? smallMember(this.#arena, this.#ref, place, member)
      : dictionary.memberOfBlock(place, member)
  }

  // ── chance and scans ─────────────────────────────────────────────────────

  /**
   * Points a window at a member, each as likely as the others, and returns its score. The set must
   * not be empty.
   */
  randomMember(random: Random, member: Bytes): number {
    const choice = random.below(this.length)
    const dictionary = this.#dictionary
    if (dictionary !== undefined) {
      dictionary.memberOf(choice, member)
      return this.scoreOf(choice)
    }
    this.seek(choice, walk)
    this.memberAt(walk, member)
    return walk.score
  }

  /**
   * Adds the handles of some members to `handles` and returns the cursor to continue with; 0
   * begins, and 0 returned is the end.
   *
   * A set that Redis holds as a listpack is returned all at once, in order. Otherwise every member
   * that exists from the first call to the last is found. In the large form the cursor is the
   * number of entries still to come: they are walked downwards, and a removal moves the last one,
   * visited already, into the gap. In the small form places change with scores, so it is walked in
   * the order of a hash. A cursor of the other form starts again from the beginning. That happens
   * at most once, because no set becomes small again.
   */
  scan(cursor: number, count: number, handles: number[]): number {
    if (!this.#skiplist) {
      let more = this.length > 0
      if (more) this.seek(0, walk)
      for (; more; more = this.next(walk)) {
        handles.push(this.#dictionary === undefined ? walk.at : this.find(this.memberAt(walk, window)))
      }
      return 0
    }
    if (this.#dictionary === undefined) return this.#scanSmall(cursor, count, handles)
    const { length } = this
    const end = cursor === 0 ? length : Math.min(cursor, length)
    const begin = Math.max(0, end - count)
    for (let entry = end - 1; entry >= begin; entry--) handles.push(entry)
    return begin
  }

  #scanSmall(cursor: number, count: number, handles: number[]): number {
    const arena = this.#arena
    const ref = this.#ref
    const found: { hash: number; at: number }[] = []
    const end = smallEnd(arena, ref)
    for (let at = SMALL_FIRST; at < end; at = smallNext(arena, ref, at)) {
      smallMember(arena, ref, at, window)
      murmur64(window.source, window.start, window.length, 0, hashed)
      const hash = HASH_CURSORS + (numberAt(hashed, 0) >>> 0)
      if (hash >= cursor) found.push({ hash, at })
    }
    found.sort((a, b) => a.hash - b.hash)
    let taken = 0
    // Members with the same hash are returned together, because the cursor cannot tell them apart.
    while (taken < found.length && (taken < count || itemAt(found, taken).hash === itemAt(found, taken - 1).hash)) {
      handles.push(itemAt(found, taken++).at)
    }
    return taken < found.length ? itemAt(found, taken).hash : 0
  }

  /** Points a window at the member of a handle. */
  memberOf(handle: number, member: Bytes): Bytes {
    const dictionary = this.#dictionary
    return dictionary === undefined
      ? smallMember(this.#arena, this.#ref, handle, member)
      : dictionary.memberOf(handle, member)
  }

  /**
   * Becomes the set of gathered members, and at once a skiplist. The set must be empty, and owns
   * the members afterwards. Throws ArenaFull, having freed them.
   */
  take(gathered: GatheredScores): void {
    assert(this.length === 0, 'a set that takes gathered members is empty')
    this.#skiplist = true
    const { dictionary } = gathered
    this.#becomeLarge(dictionary, (tree) => {
      const order = gathered.ordered()
      for (let i = 0; i < gathered.count; i++) {
        const handle = numberAt(order, i)
        tree.insert(gathered.scoreOf(handle), dictionary.memberOf(handle, window), dictionary.blockOf(handle))
      }
    })
  }

  // ── the whole ────────────────────────────────────────────────────────────

  /**
   * Chooses the encoding of a set that was made at once, as STORE commands and loading do. With
   * `valueMax`, a listpack that is loaded stays one however long its members are.
   */
  chooseEncoding(valueMax = this.#host.limits.sortedSet.value): void {
    const { length } = this
    this.#skiplist = length > this.#host.limits.sortedSet.entries
    if (this.#skiplist || length === 0) return
    let more = true
    for (this.seek(0, walk); more; more = this.next(walk)) {
      if (this.memberAt(walk, window).length > valueMax) {
        this.#skiplist = true
        return
      }
    }
    this.#forgetNegativeZeros()
  }

  /**
   * Must be called before `count` members are added. Redis makes a skiplist at once when they alone
   * would be too many.
   */
  expect(count: number): void {
    if (count > this.#host.limits.sortedSet.entries) this.#skiplist = true
  }

  /** Becomes a skiplist, which can hold a score of -0, until the encoding is chosen. */
  becomeSkiplist(): void {
    this.#skiplist = true
  }

  #forgetNegativeZeros(): void {
    const from = this.countBelow(0, false)
    const to = this.countBelow(0, true)
    if (from === to) return
    this.seek(from, walk)
    for (let left = to - from; left > 0; left--) {
      if (Object.is(walk.score, -0)) {
        if (this.#dictionary === undefined) {
          smallSetScore(this.#arena, this.#ref, walk.at, 0)
        } else {
          this.#tree!.rewriteScore(walk.tree, 0)
          setScore(this.#dictionary, this.find(this.memberAt(walk, window)), 0)
        }
      }
      this.next(walk)
    }
  }

  /**
   * Bytes of memory that this set takes, its object included. In the large form the bytes of its
   * blocks are estimated from a sample of them.
   */
  get bytes(): number {
    const dictionary = this.#dictionary
    if (dictionary === undefined) {
      return OBJECT_BYTES + (this.#ref === 0 ? 0 : this.#arena.capacity(this.#ref) + 4)
    }
    const { count } = dictionary
    const samples = Math.min(count, SAMPLES_MAX)
    let sampled = 0
    for (let i = 0; i < samples; i++) sampled += dictionary.blockBytes(Math.floor((i * count) / samples))
    const blocks = samples === 0 ? 0 : Math.round((sampled * count) / samples)
    return OBJECT_BYTES + LARGE_OBJECT_BYTES + dictionary.indexBytes + this.#tree!.bytes + blocks
  }

  elements(word: Bytes, second: Bytes): ElementCursor {
    return new SortedSetElements(this, word, second)
  }

  copy(arena: Arena, host = this.#host): SortedSet {
    const copy = new SortedSet(arena, host)
    copy.#skiplist = this.#skiplist
    try {
      if (this.#dictionary === undefined)
        copy.#ref = this.#ref === 0 ? 0 : this.#arena.copyBlock(this.#ref, copy.#arena)
      else copy.#fill(this)
    } catch (error) {
      copy.free()
      throw error
    }
    return copy
  }

  check(): void {
    if (this.#dictionary === undefined) smallCheck(this.#arena, this.#ref)
    else this.#dictionary.check()
    this.#tree?.check()
    if (CHECKED && this.#tree !== undefined)
      assert(this.#tree.length === this.#dictionary!.count, 'the order has every member')
  }

  moveBlocks(): number {
    // The tree of a large set names members by their blocks, so those stay.
    if (this.#dictionary === undefined) this.#ref = this.#arena.moveIfLeaving(this.#ref)
    return 0
  }

  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  freeSome(max: number): boolean {
    const dictionary = this.#dictionary
    if (dictionary === undefined) {
      if (this.#ref !== 0) this.#arena.free(this.#ref)
      this.#ref = 0
      this.#arena.account(-OBJECT_BYTES)
      return true
    }
    if (!this.#tree!.freeSome(max) || !dictionary.freeSome(max)) return false
    this.#dictionary = undefined
    this.#tree = undefined
    this.#arena.account(-OBJECT_BYTES - LARGE_OBJECT_BYTES)
    return true
  }

  /** Changes to the large form. Throws ArenaFull, having changed nothing. */
  #enlarge(): void {
    const ref = this.#ref
    this.#fill(this)
    this.#ref = 0
    if (ref !== 0) this.#arena.free(ref)
  }

  /**
   * Makes the large form from another set, or from this set's small form. Throws ArenaFull, having
   * changed nothing.
   */
  #fill(other: SortedSet): void {
    const dictionary = new Dictionary(this.#arena, this.#host.hashKey)
    this.#becomeLarge(dictionary, (tree) => {
      if (other.length === 0) return
      let more = true
      for (other.seek(0, walk); more; more = other.next(walk)) {
        insertLarge(dictionary, tree, other.memberAt(walk, window), walk.score)
      }
    })
  }

  /**
   * Changes to the large form with a dictionary and a tree that `fill` fills. Throws what `fill`
   * throws, having freed both.
   */
  #becomeLarge(dictionary: Dictionary, fill: (tree: ScoreTree) => void): void {
    const tree = new ScoreTree(this.#arena, dictionary)
    try {
      fill(tree)
    } catch (error) {
      tree.free()
      dictionary.free()
      throw error
    }
    this.#dictionary = dictionary
    this.#tree = tree
    this.#arena.account(LARGE_OBJECT_BYTES)
  }
}

/** Members come in the order of their scores. */
class SortedSetElements extends ElementCursor {
  readonly #set: SortedSet
  readonly #position = new SortedSetPosition()
  #left: number
  #begun = false

  constructor(set: SortedSet, word: Bytes, second: Bytes) {
    super(word, second)
    this.#set = set
    this.#left = set.length
  }

  next(): boolean {
    const set = this.#set
    if (this.#left === 0) return false
    this.#left--
    if (this.#begun) {
      set.next(this.#position)
    } else {
      this.#begun = true
      set.seek(0, this.#position)
    }
    set.memberAt(this.#position, this.word)
    this.score = this.#position.score
    return true
  }
}

/** Adds a member to both halves of the large form, or to none of them. */
function insertLarge(dictionary: Dictionary, tree: ScoreTree, member: Bytes, score: number): void {
  const entry = dictionary.insert(member, SCORE_BYTES)
  setScore(dictionary, entry, score)
  try {
    tree.insert(score, member, dictionary.blockOf(entry))
  } catch (error) {
    dictionary.remove(entry)
    throw error
  }
}

function setScore(dictionary: Dictionary, entry: number, score: number): void {
  dictionary.valueOf(entry, SCORE_BYTES, scoreWindow)
  scoreWindow.source.view.setFloat64(scoreWindow.start, score, true)
}
