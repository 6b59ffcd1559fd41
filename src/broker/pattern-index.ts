// Finds the patterns that match a channel, without asking those that cannot.
//
// A channel must begin with the bytes before a pattern's first special character: its literal
// prefix. So patterns hang in a trie of literal prefixes, and a channel meets only those along its
// own path:
//
//        (root) ─ "news." ─┬─ "sport."     news.*  news.?  hang at "news."
//                          └─ "music."     *  and  *.sport hang at the root
//
// The rest of a pattern is empty, a lone star, or a glob.

import { Glob, literalPrefix } from '../util/bytes/glob.ts'
import { type Prefixed, PrefixTrie } from '../util/tables/prefix-trie.ts'
import { SubscriberList } from './subscriber-list.ts'

/** A pattern with its subscribers. */
export class Pattern extends SubscriberList implements Prefixed {
  /** The bytes before the first special character. */
  readonly prefix: string
  /** Grows with each new pattern. Patterns receive a message in this order. */
  readonly sequence: number
  slot = -1
  /** The rest behind the literal prefix. A glob covers the whole name. */
  readonly #rest: 'nothing' | 'star' | Glob

  constructor(name: string, sequence: number) {
    super(name)
    this.prefix = literalPrefix(name)
    const rest = name.slice(this.prefix.length)
    // A lone star without a prefix does not match the empty channel. The glob handles this case.
    this.#rest = rest === '' ? 'nothing' : rest === '*' && this.prefix !== '' ? 'star' : new Glob(name)
    this.sequence = sequence
  }

  /** Tells whether the pattern matches a channel that begins with its prefix. */
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

  /**
   * Appends the matching patterns to `found`, in order of their sequence. `found` must be empty.
   */
  match(channel: string, found: Indexed[]): void {
    this.#trie.match(channel, found)
    for (let i = 1; i < found.length; i++) {
      if (found[i]!.sequence > found[i - 1]!.sequence) continue
      found.sort(bySequence)
      return
    }
  }

  /** Number of trie nodes, for tests: removing a pattern must leave no node behind. */
  get nodes(): number {
    return this.#trie.nodes
  }
}

function bySequence(a: Pattern, b: Pattern): number {
  return a.sequence - b.sequence
}
