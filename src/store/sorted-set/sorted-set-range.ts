// Ranges of a sorted set: by score, by member, and the ranks that they cover.

import { Bytes } from '../../util/bytes/bytes.ts'

/** Ranks from `start` up to, not including, `end`; start ≤ end. */
export class RankRange {
  start = 0
  end = 0
}

/** Scores from `min` to `max`. */
export class ScoreRange {
  min = 0
  max = 0
  minExclusive = false
  maxExclusive = false
}

/** One end of a range of members. */
export class LexBound {
  /** -1 is before every member, 1 behind every member, and 0 at `member`. */
  infinite: -1 | 0 | 1 = 0
  exclusive = false
  readonly member = new Bytes()
}

/** Members from `min` to `max`, ordered as memcmp does. */
export class LexRange {
  readonly min = new LexBound()
  readonly max = new LexBound()

  /** True when no member can be in the range. */
  get isEmpty(): boolean {
    const { min, max } = this
    if (min.infinite > 0 || max.infinite < 0) return true
    if (min.infinite < 0 || max.infinite > 0) return false
    const order = min.member.compare(max.member)
    return order > 0 || (order === 0 && (min.exclusive || max.exclusive))
  }

  /** Tells whether a member is not before the range. */
  reaches(member: Bytes): boolean {
    const { min } = this
    if (min.infinite !== 0) return min.infinite < 0
    const order = member.compare(min.member)
    return order > 0 || (order === 0 && !min.exclusive)
  }

  /** Tells whether a member is not behind the range. */
  covers(member: Bytes): boolean {
    const { max } = this
    if (max.infinite !== 0) return max.infinite > 0
    const order = member.compare(max.member)
    return order < 0 || (order === 0 && !max.exclusive)
  }
}
