// A selector: a set of commands, keys and channels. A request is allowed when one selector of its
// user allows all of it.
//
// The commands are a bitmap by command id. The rules that made it are kept too, from the last
// `+@all` or `-@all` on, because ACL LIST shows them. A later rule replaces an earlier one about
// the same command or category. A rule about a command also replaces rules about its subcommands.

import { splitInline } from '../protocol/inline-words.ts'
import { itemAt } from '../util/array-reads.ts'
import type { Bytes } from '../util/bytes/bytes.ts'
import { lowerCase } from '../util/bytes/text.ts'
import type { KnownCommands, RuleCommand } from './known-commands.ts'
import { type AccessPattern, keyRule, PatternList, READ, WRITE } from './patterns.ts'
import { hasBlanks, REASONS, RuleError } from './rule-error.ts'

export class Selector {
  allKeys = false
  allChannels: boolean
  /** True when every command is allowed. The bitmap need not be asked then. */
  allCommands = false
  /** True when its rules follow `+@all`: it began with every present and future command. */
  #beginsWithAll = false
  #bits: Uint32Array = new Uint32Array(0)
  /** First arguments, lower case, that allow an otherwise denied command; by command id. */
  #firstArguments: Map<number, Set<string>> | undefined = undefined
  /** `get` or `@dangerous` → its sign, in order. */
  #commandRules = new Map<string, '+' | '-'>()
  #keys = new PatternList()
  #channels = new PatternList()

  constructor(allChannels: boolean) {
    this.allChannels = allChannels
  }

  /** True when it allows everything. */
  get isUnrestricted(): boolean {
    return this.allCommands && this.allKeys && this.allChannels
  }

  get keys(): readonly AccessPattern[] {
    return this.#keys.all
  }

  get channels(): readonly AccessPattern[] {
    return this.#channels.all
  }

  copy(): Selector {
    const copy = new Selector(this.allChannels)
    copy.allKeys = this.allKeys
    copy.allCommands = this.allCommands
    copy.#beginsWithAll = this.#beginsWithAll
    copy.#bits = this.#bits.slice()
    if (this.#firstArguments !== undefined) {
      copy.#firstArguments = new Map([...this.#firstArguments].map(([id, words]) => [id, new Set(words)]))
    }
    copy.#commandRules = new Map(this.#commandRules)
    copy.#keys = this.#keys.copy()
    copy.#channels = this.#channels.copy()
    return copy
  }

  // ── rules ────────────────────────────────────────────────────────────────

  /** Parses `(rule rule …)`. Throws RuleError. */
  static parse(text: string, commands: KnownCommands, allChannels: boolean): Selector {
    const selector = new Selector(allChannels)
    // Unbalanced quotes make an empty selector, as in Redis.
    for (const rule of splitInline(text.slice(1, -1)) ?? []) selector.apply(rule, commands)
    return selector
  }

  /** Applies a rule. Throws RuleError, having changed nothing. */
  apply(rule: string, commands: KnownCommands): void {
    switch (lowerCase(rule)) {
      case 'allkeys':
      case '~*':
        this.#resetKeys(true)
        return
      case 'resetkeys':
        this.#resetKeys(false)
        return
      case 'allchannels':
      case '&*':
        this.#resetChannels(true)
        return
      case 'resetchannels':
        this.#resetChannels(false)
        return
      case 'allcommands':
      case '+@all':
        this.#resetCommands(true, commands)
        return
      case 'nocommands':
      case '-@all':
        this.#resetCommands(false, commands)
        return
    }
    const sign = rule[0]
    if (sign === '~' || sign === '%') this.#addKeys(rule)
    else if (sign === '&') this.#addChannels(rule.slice(1))
    else if (sign !== '+' && sign !== '-') throw new RuleError(REASONS.syntax)
    else if (rule[1] === '@') this.#setCategory(rule.slice(2), sign, commands)
    else if (sign === '+' && rule.includes('|')) this.#allowPart(rule.slice(1), commands)
    else this.#setCommand(known(commands, rule.slice(1)), sign)
  }

  #resetKeys(all: boolean): void {
    this.allKeys = all
    this.#keys = new PatternList()
  }

  #resetChannels(all: boolean): void {
    this.allChannels = all
    this.#channels = new PatternList()
  }

  #resetCommands(all: boolean, { idCount }: KnownCommands): void {
    this.allCommands = all
    this.#beginsWithAll = all
    this.#bits = new Uint32Array((idCount + 31) >>> 5).fill(all ? 0xffffffff : 0)
    this.#firstArguments = undefined
    this.#commandRules = new Map()
  }

  /** `~pattern`, or `%R~pattern` with R, W or both. */
  #addKeys(rule: string): void {
    if (this.allKeys) throw new RuleError(REASONS.keysAfterAll)
    let access = READ | WRITE
    let at = 1
    if (rule[0] === '%') {
      access = 0
      for (; at < rule.length; at++) {
        const char = rule.charAt(at).toUpperCase()
        const bit = char === 'R' ? READ : char === 'W' ? WRITE : 0
        if (bit !== 0 && (access & bit) === 0) access |= bit
        else if (char === '~' && access !== 0) break
        else throw new RuleError(REASONS.syntax)
      }
      at++
      // `%` alone would make a pattern that grants nothing.
      if (access === 0) throw new RuleError(REASONS.syntax)
    }
    const text = rule.slice(at)
    if (hasBlanks(text)) throw new RuleError(REASONS.syntax)
    this.#keys.add(text, access)
  }

  #addChannels(text: string): void {
    if (this.allChannels) throw new RuleError(REASONS.channelsAfterAll)
    if (hasBlanks(text)) throw new RuleError(REASONS.syntax)
    this.#channels.add(text)
  }

  #setCategory(name: string, sign: '+' | '-', commands: KnownCommands): void {
    const found = commands.inCategory(lowerCase(name))
    if (found === undefined) throw new RuleError(REASONS.unknownName, true)
    this.#remember(sign, `@${lowerCase(name)}`)
    for (const command of found) this.#setBits(command, sign)
  }

  #setCommand(command: RuleCommand, sign: '+' | '-'): void {
    this.#setBits(command, sign)
    this.#remember(sign, command.name)
  }

  /** `+config|get` names a subcommand; `+select|0` names a command with that first argument. */
  #allowPart(name: string, commands: KnownCommands): void {
    const bar = name.lastIndexOf('|')
    const command = known(commands, name.slice(0, bar))
    if (command.name.includes('|')) throw new RuleError(REASONS.subcommandArgument)
    const argument = lowerCase(name.slice(bar + 1))
    if (argument === '') throw new RuleError(REASONS.syntax)
    if (command.subcommands !== undefined) {
      this.#setCommand(known(commands, name), '+')
      return
    }
    // Redis accepts blanks and quotes here, and later crashes when it lists the rules. A rule is
    // one word.
    if (hasBlanks(argument) || /["']/.test(argument)) throw new RuleError(REASONS.syntax)
    this.#firstArguments ??= new Map()
    const words = this.#firstArguments.get(command.id)
    if (words === undefined) this.#firstArguments.set(command.id, new Set([argument]))
    else words.add(argument)
    this.#remember('+', `${command.name}|${argument}`)
  }

  /** Sets the bits of a command and of its subcommands. */
  #setBits(command: RuleCommand, sign: '+' | '-'): void {
    this.#setBit(command.id, sign)
    this.#firstArguments?.delete(command.id)
    if (command.subcommands !== undefined) for (const { id } of command.subcommands.values()) this.#setBit(id, sign)
  }

  #setBit(id: number, sign: '+' | '-'): void {
    const word = id >>> 5
    if (word >= this.#bits.length) {
      const bits = new Uint32Array(word + 1)
      bits.set(this.#bits)
      this.#bits = bits
    }
    const bit = 1 << (id & 31)
    const bits = this.#bits[word] ?? 0
    this.#bits[word] = sign === '+' ? bits | bit : bits & ~bit
    if (sign === '-') this.allCommands = false
  }

  /** Records a rule and drops the rules that it makes void. */
  #remember(sign: '+' | '-', name: string): void {
    const rules = this.#commandRules
    rules.delete(name)
    // Only a whole command has rules about its parts.
    if (!name.includes('|') && !name.startsWith('@')) {
      for (const other of rules.keys()) if (other.startsWith(`${name}|`)) rules.delete(other)
    }
    rules.set(name, sign)
  }

  // ── questions ────────────────────────────────────────────────────────────

  hasCommand(id: number): boolean {
    return this.allCommands || ((this.#bits[id >>> 5] ?? 0) & (1 << (id & 31))) !== 0
  }

  /** Returns the first arguments, lower case, that allow an otherwise denied command. */
  firstArgumentsOf(id: number): ReadonlySet<string> | undefined {
    return this.#firstArguments?.get(id)
  }

  /**
   * `needs` is READ, WRITE, both, or 0 for a key that the command names without reading or writing
   * it.
   */
  allowsKey(key: Bytes, needs: number): boolean {
    if (this.allKeys) return true
    const patterns = this.#keys.all
    for (let i = 0; i < patterns.length; i++) {
      const pattern = itemAt(patterns, i)
      if ((pattern.access & needs) === needs && pattern.matches(key)) return true
    }
    return false
  }

  /** Tells whether every key may be read, whatever its name. */
  get readsEveryKey(): boolean {
    return this.allKeys || this.keys.some(({ access, text }) => (access & READ) !== 0 && text === '*')
  }

  /**
   * Tells whether a channel is allowed. A pattern to subscribe to is allowed only by the same
   * pattern.
   */
  allowsChannel(name: Bytes, isPattern: boolean): boolean {
    if (this.allChannels) return true
    return isPattern ? this.#channels.has(name.toString()) : this.channels.some((each) => each.matches(name))
  }

  /** Does the same as `allowsChannel` for a latin1 name. */
  allowsChannelNamed(name: string, isPattern: boolean): boolean {
    if (this.allChannels) return true
    return isPattern ? this.#channels.has(name) : this.channels.some((each) => each.matchesText(name))
  }

  // ── description ──────────────────────────────────────────────────────────

  /** `-@all +get +@set`. */
  describeCommands(): string {
    const rules = [...this.#commandRules].map(([name, sign]) => sign + name)
    return [this.#beginsWithAll ? '+@all' : '-@all', ...rules].join(' ')
  }

  /** `~* %R~k`, without a blank at the end. */
  describeKeys(): string {
    return this.allKeys ? '~*' : this.keys.map(keyRule).join(' ')
  }

  describeChannels(): string {
    return this.allChannels ? '&*' : this.channels.map(({ text }) => `&${text}`).join(' ')
  }

  /** The whole selector as rules. */
  describe(): string {
    const channels = this.allChannels ? ['&*'] : ['resetchannels', this.describeChannels()]
    return [this.describeKeys(), ...channels, this.describeCommands()].filter((part) => part !== '').join(' ')
  }
}

function known(commands: KnownCommands, name: string): RuleCommand {
  const command = commands.getOriginal(name)
  if (command === undefined) throw new RuleError(REASONS.unknownName, true)
  return command
}
