// The rules as they concern names: which one decides about a channel, which may concern a pattern, and which keys are channels' own.
//
// It answers from the rules alone: a question about a name leaves nothing behind.

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

export class RuledChannels {
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

  /** Returns the rule that decides about a channel; undefined = none names it. */
  ruleOf(channel: Bytes): ChannelRule | undefined {
    return this.#rules.find(channel)
  }

  /** Tells whether the rule of a channel says something, or one that may decide about a channel which a pattern matches. */
  say(kind: SubscriptionKind, target: string, says: (rule: ChannelRule) => boolean): boolean {
    if (kind !== 'pattern') {
      const rule = this.ruleOf(Bytes.from(target))
      return rule !== undefined && says(rule)
    }
    return this.#given.some((rule) => says(rule) && mayConcern(rule, target))
  }

  /**
   * Returns the rule by which places in a channel are remembered; undefined = none are. For a pattern it is the one that remembers them
   * longest, of those that keep messages of channels which it may match.
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

  /** Tells whether a key of database 0 holds what a channel keeps that a rule names: messages, places, ids, what is scheduled. */
  ownsKey(key: Bytes): boolean {
    const first = key.length === 0 ? 0 : key.at(0)
    if (first !== LETTER_C && first !== LETTER_I && first !== LETTER_P && first !== LETTER_S) return false
    const owner = ownerOfKey(key.toString())
    return owner !== undefined && this.say(owner.kind, owner.name, keeps)
  }
}

/** Tells whether a rule may say something of a channel that a pattern matches. */
function mayConcern(rule: ChannelRule, pattern: string): boolean {
  const prefix = literalPrefix(pattern)
  const other = literalPrefix(rule.pattern)
  return other.startsWith(prefix) || prefix.startsWith(other)
}
