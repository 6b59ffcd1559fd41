// Members with scores that become a sorted set when all of them are known.
//
// A union of sorted sets meets members again and changes their scores. Keeping them in order all
// along would search a tree twice for each. Here the order is made once, at the end.

import { Bytes } from '../../util/bytes/bytes.ts'
import { StableOrder } from '../../util/numbers/stable-order.ts'
import type { HashKey } from '../../util/tables/keyed-hash.ts'
import type { Arena } from '../memory/arena.ts'
import { Dictionary } from '../structures/dictionary.ts'

const SCORE_BYTES = 8
const window = new Bytes()

export class GatheredScores {
  /** The members, with their scores in the room behind them. */
  readonly dictionary: Dictionary

  /** `hashKey` is that of the SortedSet. */
  constructor(arena: Arena, hashKey: HashKey) {
    this.dictionary = new Dictionary(arena, hashKey)
  }

  get count(): number {
    return this.dictionary.count
  }

  /** Returns the handle of a member, or ABSENT. */
  find(member: Bytes): number {
    return this.dictionary.find(member)
  }

  /** Adds a member that `find` did not find. Throws ArenaFull, having changed nothing. */
  insert(member: Bytes, score: number): void {
    this.setScore(this.dictionary.insert(member, SCORE_BYTES), score)
  }

  scoreOf(handle: number): number {
    const { source, start } = this.dictionary.valueOf(handle, SCORE_BYTES, window)
    return source.view.getFloat64(start, true)
  }

  setScore(handle: number, score: number): void {
    const { source, start } = this.dictionary.valueOf(handle, SCORE_BYTES, window)
    source.view.setFloat64(start, score, true)
  }

  /**
   * Returns the handles in the order of their scores; members with equal scores keep the order in
   * which they came.
   */
  ordered(): Int32Array {
    const { count } = this
    const scores = new Float64Array(count)
    for (let i = 0; i < count; i++) scores[i] = this.scoreOf(i)
    return new StableOrder().sort(scores, count, 1)
  }

  free(): void {
    this.dictionary.free()
  }
}
