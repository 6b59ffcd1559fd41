// How many places each user has under each rule, so that a rule can bound them.
//
// Places are data: they also go by DEL, eviction or FLUSHALL, and this file is told of none of that. So a walk through all of them counts
// them anew from time to time. What comes and goes during a walk is added to its result, although the walk may have met it: the sum may
// be too high until the next walk ends, and is never too low.

import type { ChannelRule } from '../../config/channel-rules.ts'

export class PositionCounts {
  /** By the rule's pattern and the user; neither has a blank. */
  #counts = new Map<string, number>()
  /** What the walk has found so far, and what has changed since it began; undefined = there is none. */
  #found: Map<string, number> | undefined = undefined
  readonly #changed = new Map<string, number>()

  of(rule: ChannelRule, subscriber: string): number {
    return this.#counts.get(keyOf(rule, subscriber)) ?? 0
  }

  /** A place has come (1), or gone (-1). */
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

  /** The walk has met a place. */
  meet(rule: ChannelRule, subscriber: string): void {
    add(this.#found!, keyOf(rule, subscriber), 1)
  }

  end(): void {
    for (const [key, by] of this.#changed) if (by > 0) add(this.#found!, key, by)
    this.#counts = this.#found!
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
