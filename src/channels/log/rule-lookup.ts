// Looks up rules by name: the rule that decides about a channel, the rules that may concern a
// pattern, and the keys that belong to kept channels.
//
// It answers from the rules alone and remembers no name it was asked about.

import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import { type ChannelRule, keeps } from '../../config/channel-rules.ts'
import { PatternRules } from '../../config/pattern-rules.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { literalPrefix } from '../../util/bytes/glob.ts'
import { ownerOfKey } from './channel-keys.ts'

const LETTER_C = 0x63
const LETTER_I = 0x69
const LETTER_P = 0x70
const LETTER_S = 0x73

export class RuleLookup {
  readonly #given: readonly ChannelRule[]
  readonly #rules: PatternRules<ChannelRule>

  constructor(given: readonly ChannelRule[]) {
    this.#given = given
    this.#rules = new PatternRules(given)
  }

  /** Tells whether there is a rule. */
  get any(): boolean {
    return this.#rules.size > 0
  }

  /** Returns the rule that decides about a channel; undefined when no rule names it. */
  ruleOf(channel: Bytes): ChannelRule | undefined {
    return this.#rules.find(channel)
  }

  /**
   * Tells whether the predicate holds for the channel's rule, or for a rule that may decide about a
   * channel of the pattern.
   */
  someRule(kind: SubscriptionKind, target: string, says: (rule: ChannelRule) => boolean): boolean {
    if (kind !== 'pattern') {
      const rule = this.ruleOf(Bytes.from(target))
      return rule !== undefined && says(rule)
    }
    return this.#given.some((rule) => says(rule) && mayConcern(rule, target))
  }

  /**
   * Returns the rule under which read positions are remembered; undefined when there is none. A
   * pattern may match channels of several rules that keep messages; then it is the rule that
   * remembers longest.
   */
  rememberingRule(kind: SubscriptionKind, target: string): ChannelRule | undefined {
    if (kind !== 'pattern') {
      const rule = this.ruleOf(Bytes.from(target))
      return rule !== undefined && keeps(rule) ? rule : undefined
    }
    let found: ChannelRule | undefined
    for (const rule of this.#given) {
      if (!keeps(rule) || !mayConcern(rule, target)) continue
      if (found === undefined || rule.rememberMs > found.rememberMs) found = rule
    }
    return found
  }

  /**
   * Tells whether a key of database 0 holds messages, positions, ids or a schedule of a kept
   * channel.
   */
  ownsKey(key: Bytes): boolean {
    const first = key.length === 0 ? 0 : key.at(0)
    if (first !== LETTER_C && first !== LETTER_I && first !== LETTER_P && first !== LETTER_S) return false
    const owner = ownerOfKey(key.toString())
    return owner !== undefined && this.someRule(owner.kind, owner.name, keeps)
  }
}

/** Tells whether a rule may decide about a channel that the pattern matches. */
function mayConcern(rule: ChannelRule, pattern: string): boolean {
  const prefix = literalPrefix(pattern)
  const other = literalPrefix(rule.pattern)
  return other.startsWith(prefix) || prefix.startsWith(other)
}
