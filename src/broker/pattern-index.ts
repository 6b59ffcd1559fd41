// Which patterns match a channel, without asking those that cannot.
//
// A pattern's bytes before its first special character must stand at the
// beginning of the channel. So patterns hang in a trie over these literal
// prefixes, and a channel meets only those along its own path:
//
//        (root) ─ "news." ─┬─ "sport."     news.*  news.?  hang at "news."
//                          └─ "music."     *  and  *.sport hang at the root
//
// What follows the prefix is nothing, a lone star, or else matched as a glob.

import { Glob, literalPrefix } from '../util/bytes/glob.ts'
import { type Prefixed, PrefixTrie } from '../util/tables/prefix-trie.ts'
import { SubscriberList } from './subscriber-list.ts'

/** A pattern somebody subscribed to, with its subscribers. */
export class Pattern extends SubscriberList implements Prefixed {
  /** Its literal prefix. */
  readonly prefix: string
  /** Counts up: patterns receive a message in the order in which they came. */
  readonly sequence: number
  slot = -1
  /** What follows the literal prefix; a glob is of the whole name. */
  readonly #rest: 'nothing' | 'star' | Glob

  constructor(name: string, sequence: number) {
    super(name)
    this.prefix = literalPrefix(name)
    const rest = name.slice(this.prefix.length)
    // Alone, a star does not match the empty channel: that is left to the matcher.
    this.#rest = rest === '' ? 'nothing' : rest === '*' && this.prefix !== '' ? 'star' : new Glob(name)
    this.sequence = sequence
  }

  /** Tells whether it matches a channel that begins with its prefix. */
  matches(channel: string): boolean {
    const rest = this.#rest
    if (rest === 'star') return true
    return rest === 'nothing' ? channel.length === this.prefix.length : rest.matches(channel)
  }
}

export class PatternIndex<Indexed extends Pattern = Pattern> {
  readonly #trie = new PrefixTrie<Indexed>()

  add(pattern: Indexed): void {
    this.#trie.add(pattern)
  }

  /** Removes a pattern that was added. */
  remove(pattern: Indexed): void {
    this.#trie.remove(pattern)
  }

  /** Appends the patterns that match a channel to `found`, which is empty, in the order in which they came. */
  match(channel: string, found: Indexed[]): void {
    this.#trie.match(channel, found)
    for (let i = 1; i < found.length; i++) {
      if (found[i]!.sequence > found[i - 1]!.sequence) continue
      found.sort(bySequence)
      return
    }
  }

  /** Nodes in use, for tests: what was removed must leave nothing behind. */
  get nodes(): number {
    return this.#trie.nodes
  }
}

function bySequence(a: Pattern, b: Pattern): number {
  return a.sequence - b.sequence
}
