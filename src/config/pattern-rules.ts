// Rules by glob pattern, of keys or of channels.
//
// Among the rules that match a name the one with the longest literal prefix decides, among equally
// long ones the last one given. The literal prefix ends before the first * ? [ or \.
//
// The rules hang in a trie over their literal prefixes, a byte a step, so the look-up of a name
// visits only the rules along its own path, the longest last. A thousand rules cost no more than
// one.

import { itemAt } from '../util/array-reads.ts'
import type { Bytes } from '../util/bytes/bytes.ts'
import { Glob, literalPrefix } from '../util/bytes/glob.ts'

export interface PatternRule {
  readonly pattern: string
}

/** A rule that is ready to be matched. */
interface Entry<T> {
  readonly rule: T
  /** Null = any text may follow the prefix. */
  readonly glob: Glob | null
}

class Node<T> {
  /** Next byte → node. */
  children: Map<number, Node<T>> | undefined = undefined
  /** The rules whose prefix ends here, the one given last first. */
  readonly entries: Entry<T>[] = []
}

export class PatternRules<T extends PatternRule> {
  /** Number of rules. */
  readonly size: number
  readonly #root = new Node<T>()
  /** Nodes with rules along the current name's path; kept between calls. */
  readonly #path: Node<T>[] = []

  constructor(rules: readonly T[]) {
    this.size = rules.length
    for (const rule of rules) this.#add(rule)
  }

  #add(rule: T): void {
    const { pattern } = rule
    const prefix = literalPrefix(pattern)
    let node = this.#root
    for (let i = 0; i < prefix.length; i++) {
      const byte = prefix.charCodeAt(i)
      node.children ??= new Map()
      let child = node.children.get(byte)
      if (child === undefined) {
        child = new Node()
        node.children.set(byte, child)
      }
      node = child
    }
    node.entries.unshift({ rule, glob: pattern === `${prefix}*` ? null : new Glob(pattern) })
  }

  /** Returns the rule that decides about a name; undefined = none matches it. */
  find(name: Bytes): T | undefined {
    const path = this.#path
    let depth = 0
    let node: Node<T> | undefined = this.#root
    for (let i = 0; node !== undefined; i++) {
      if (node.entries.length > 0) path[depth++] = node
      node = i < name.length ? node.children?.get(name.at(i)) : undefined
    }
    while (depth > 0) {
      const { entries } = itemAt(path, --depth)
      for (let i = 0; i < entries.length; i++) {
        const { glob, rule } = itemAt(entries, i)
        if (glob === null || glob.matchesBytes(name)) return rule
      }
    }
    return undefined
  }
}
