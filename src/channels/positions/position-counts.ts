// Counts each user's remembered positions under each rule, so that a rule can bound them.
//
// Positions are data. DEL, eviction and FLUSHALL remove them without notice to this file, so a walk
// through all positions counts them again from time to time. Positions that come during a walk are
// added to its result, although the walk may have met them. A count may therefore be too high until
// the next walk ends, and is never too low.

import type { ChannelRule } from '../../config/channel-rules.ts'
import { assert } from '../../util/assert.ts'

export class PositionCounts {
  /** By the rule's pattern and the user. Neither contains a blank. */
  #counts = new Map<string, number>()
  /**
   * The counts of the current walk, and the changes since it began; `#found` is undefined between
   * walks.
   */
  #found: Map<string, number> | undefined = undefined
  readonly #changed = new Map<string, number>()

  of(rule: ChannelRule, subscriber: string): number {
    return this.#counts.get(keyOf(rule, subscriber)) ?? 0
  }

  /** Counts a position that came (1) or went (-1). */
  change(rule: ChannelRule, subscriber: string, by: 1 | -1): void {
    const key = keyOf(rule, subscriber)
    add(this.#counts, key, by)
    if (this.#found !== undefined) add(this.#changed, key, by)
  }

  // ── the walk ─────────────────────────────────────────────────────────────

  begin(): void {
    this.#found = new Map()
    this.#changed.clear()
  }

  /** Counts a position that the walk met. */
  meet(rule: ChannelRule, subscriber: string): void {
    assert(this.#found !== undefined, 'positions are met during a walk')
    add(this.#found, keyOf(rule, subscriber), 1)
  }

  end(): void {
    const found = this.#found
    assert(found !== undefined, 'a walk that ends has begun')
    for (const [key, by] of this.#changed) if (by > 0) add(found, key, by)
    this.#counts = found
    this.#found = undefined
  }
}

function keyOf({ pattern }: ChannelRule, subscriber: string): string {
  return `${pattern} ${userOf(subscriber)}`
}

/** Returns the user of `user name`. */
export function userOf(subscriber: string): string {
  return subscriber.slice(0, subscriber.indexOf(' '))
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
