// A user: whether it may log in, with which passwords, and its selectors.

import { createHash, timingSafeEqual } from 'node:crypto'
import { assert } from '../util/assert.ts'
import { lowerCase } from '../util/bytes/text.ts'
import type { KnownCommands } from './known-commands.ts'
import { REASONS, RuleError } from './rule-error.ts'
import { Selector } from './selector.ts'

/** The data that rules are read with. */
export interface RuleContext {
  readonly commands: KnownCommands
  /** True when a new selector allows every channel (`acl-pubsub-default`). */
  readonly allChannels: boolean
}

const HASH_HEX_LENGTH = 64
/** Estimated size of a user without its rules. */
const USER_BYTES = 512
/** Estimated bytes per letter of a user's rules: the text, the patterns, the passwords. */
const RULE_LETTER_BYTES = 3

export class User {
  readonly name: string
  enabled = false
  /** True when any password is accepted. */
  noPassword = false
  /**
   * Redis does not check the payloads that such a user gives RESTORE. Here they are always checked,
   * and the flag is only reported.
   */
  skipsSanitizing = false
  /** SHA-256 of each password, hexadecimal. */
  #passwords = new Set<string>()
  #selectors: Selector[]
  #description: string | undefined = undefined

  constructor(name: string, { allChannels }: RuleContext) {
    this.name = name
    this.#selectors = [new Selector(allChannels)]
  }

  /** The first selector is the user's own; the others were given in parentheses. */
  get selectors(): readonly Selector[] {
    return this.#selectors
  }

  get passwords(): ReadonlySet<string> {
    return this.#passwords
  }

  /** Estimated bytes of the user. */
  get bytes(): number {
    return USER_BYTES + this.name.length + this.describe().length * RULE_LETTER_BYTES
  }

  /** True when its requests need no check. */
  get isUnrestricted(): boolean {
    return this.#selectors.some((selector) => selector.isUnrestricted)
  }

  /** Takes over everything but the name of another user, which must not be used afterwards. */
  become(other: User): void {
    this.enabled = other.enabled
    this.noPassword = other.noPassword
    this.skipsSanitizing = other.skipsSanitizing
    this.#passwords = other.#passwords
    this.#selectors = other.#selectors
    this.#description = undefined
  }

  copy(context: RuleContext): User {
    const copy = new User(this.name, context)
    copy.become(this)
    copy.#passwords = new Set(this.#passwords)
    copy.#selectors = this.#selectors.map((selector) => selector.copy())
    return copy
  }

  // ── rules ────────────────────────────────────────────────────────────────

  /** Applies a rule. Throws RuleError, having changed nothing. */
  apply(rule: string, context: RuleContext): void {
    this.#description = undefined
    switch (lowerCase(rule)) {
      case '':
        return
      case 'on':
        this.enabled = true
        return
      case 'off':
        this.enabled = false
        return
      case 'skip-sanitize-payload':
        this.skipsSanitizing = true
        return
      case 'sanitize-payload':
        this.skipsSanitizing = false
        return
      case 'nopass':
        this.#resetPasswords(true)
        return
      case 'resetpass':
        this.#resetPasswords(false)
        return
      case 'clearselectors':
        this.#selectors.length = 1
        return
      case 'reset':
        this.become(new User(this.name, context))
        return
    }
    const sign = rule[0]
    if (sign === '>' || sign === '#') {
      this.#passwords.add(hashIn(rule))
      this.noPassword = false
    } else if (sign === '<' || sign === '!') {
      if (!this.#passwords.delete(hashIn(rule))) throw new RuleError(REASONS.noSuchPassword)
    } else if (sign === '(' && rule.endsWith(')')) {
      this.#selectors.push(Selector.parse(rule, context.commands, context.allChannels))
    } else {
      const [own] = this.#selectors
      assert(own !== undefined, 'a user has a selector of its own')
      own.apply(rule, context.commands)
    }
  }

  #resetPasswords(noPassword: boolean): void {
    this.noPassword = noPassword
    this.#passwords = new Set()
  }

  // ── questions ────────────────────────────────────────────────────────────

  /**
   * Tells whether a hashed password is the user's. It compares all passwords completely, so that
   * the time tells nothing.
   */
  hasPassword(hash: Buffer): boolean {
    if (this.noPassword) return true
    let found = false
    for (const known of this.#passwords) found = timingSafeEqual(hash, Buffer.from(known, 'hex')) || found
    return found
  }

  /** The words for its state besides selectors, in Redis's order. */
  get flags(): readonly string[] {
    return [
      this.enabled ? 'on' : 'off',
      ...(this.noPassword ? ['nopass'] : []),
      this.skipsSanitizing ? 'skip-sanitize-payload' : 'sanitize-payload',
    ]
  }

  /** The whole user as rules, in one line: the form of ACL LIST and of files. */
  describe(): string {
    this.#description ??= [
      ...this.flags,
      ...[...this.#passwords].map((hash) => `#${hash}`),
      ...this.#selectors.map((selector, i) => (i === 0 ? selector.describe() : `(${selector.describe()})`)),
    ].join(' ')
    return this.#description
  }
}

export function hashPassword(latin1: string): Buffer {
  return createHash('sha256').update(latin1, 'latin1').digest()
}

/**
 * Returns the hash of `>password` or `<password` in clear, or of `#hash` or `!hash`. Throws
 * RuleError.
 */
function hashIn(rule: string): string {
  const text = rule.slice(1)
  if (rule[0] === '>' || rule[0] === '<') return hashPassword(text).toString('hex')
  if (text.length !== HASH_HEX_LENGTH || !/^[0-9a-f]+$/.test(text)) throw new RuleError(REASONS.passwordHash)
  return text
}

/**
 * Joins selectors that were split into several words: `(+get`, `~k)` → `(+get ~k)`.
 *
 * Throws UnclosedSelector when a parenthesis is not closed.
 */
export function joinSelectors(words: readonly string[]): string[] {
  const rules: string[] = []
  let open: [string, ...string[]] | undefined
  for (const word of words) {
    if (open === undefined && word.startsWith('(') && !word.endsWith(')')) {
      open = [word]
    } else if (open !== undefined) {
      open.push(word)
      if (!word.endsWith(')')) continue
      rules.push(open.join(' '))
      open = undefined
    } else {
      rules.push(word)
    }
  }
  if (open !== undefined) throw new UnclosedSelector(open[0])
  return rules
}

/** The error for a parenthesis that no later word closes. `word` is the word that opens it. */
export class UnclosedSelector extends Error {
  override name = 'UnclosedSelector'
  readonly word: string

  constructor(word: string) {
    super(`Unmatched parenthesis in acl selector starting at '${word}'.`)
    this.word = word
  }
}
