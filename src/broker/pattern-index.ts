// Which patterns match a channel, without asking those that cannot.
//
// A pattern's bytes before its first special character must stand at the
// beginning of the channel. So patterns hang in a radix trie over these literal
// prefixes, and a channel meets only those along its own path:
//
//        (root) ─ "news." ─┬─ "sport."     news.*  news.?  hang at "news."
//                          └─ "music."     *  and  *.sport hang at the root
//
// What follows the prefix is nothing, a lone star, or else matched as a glob.

import { Glob } from '../util/glob.ts'
import { SubscriberList } from './subscriber-list.ts'

/** A pattern somebody subscribed to, with its subscribers. */
export class Pattern extends SubscriberList {
  /** Its literal prefix. */
  readonly prefix: string
  /** Counts up: patterns receive a message in the order in which they came. */
  readonly sequence: number
  /** Its position among the patterns with the same prefix; the index's business. */
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

class Node {
  /** The stretch between the parent's prefix and this one's; '' only at the root. */
  label: string
  children: Map<number, Node> | undefined = undefined
  patterns: Pattern[] = []

  constructor(label: string) {
    this.label = label
  }
}

export class PatternIndex {
  readonly #root = new Node('')

  add(pattern: Pattern): void {
    const { prefix } = pattern
    let node = this.#root
    let at = 0
    while (at < prefix.length) {
      node.children ??= new Map()
      const child = node.children.get(prefix.charCodeAt(at))
      if (child === undefined) {
        const leaf = new Node(prefix.slice(at))
        node.children.set(prefix.charCodeAt(at), leaf)
        node = leaf
        break
      }
      const shared = sharedLength(child.label, prefix, at)
      node = shared === child.label.length ? child : split(node, child, shared)
      at += shared
    }
    pattern.slot = node.patterns.length
    node.patterns.push(pattern)
  }

  /** Removes a pattern that was added. */
  remove(pattern: Pattern): void {
    const { prefix } = pattern
    const path: Node[] = [this.#root]
    let node = this.#root
    for (let at = 0; at < prefix.length; at += node.label.length) {
      node = node.children!.get(prefix.charCodeAt(at))!
      path.push(node)
    }
    const last = node.patterns.pop()!
    if (last !== pattern) {
      node.patterns[pattern.slot] = last
      last.slot = pattern.slot
    }
    // A node that holds no pattern exists only to fork.
    for (let i = path.length - 1; i > 0 && prune(path[i - 1]!, path[i]!); i--);
  }

  /** Appends the patterns that match a channel to `found`, in the order in which they came. */
  match(channel: string, found: Pattern[]): void {
    let node: Node | undefined = this.#root
    let at = 0
    let newest = -1
    let ordered = true
    while (node !== undefined) {
      const { patterns }: Node = node
      for (let i = 0; i < patterns.length; i++) {
        const pattern = patterns[i]!
        if (!pattern.matches(channel)) continue
        found.push(pattern)
        if (pattern.sequence < newest) ordered = false
        else newest = pattern.sequence
      }
      node = at < channel.length ? node.children?.get(channel.charCodeAt(at)) : undefined
      if (node !== undefined) {
        if (!channel.startsWith(node.label, at)) break
        at += node.label.length
      }
    }
    if (!ordered) found.sort(bySequence)
  }

  /** Nodes in use, for tests: what was removed must leave nothing behind. */
  get nodes(): number {
    return countNodes(this.#root)
  }
}

/** Returns the part of a pattern before its first special character. */
export function literalPrefix(pattern: string): string {
  for (let i = 0; i < pattern.length; i++) {
    switch (pattern.charCodeAt(i)) {
      case 42: // *
      case 63: // ?
      case 91: // [
      case 92: // \
        return pattern.slice(0, i)
    }
  }
  return pattern
}

/** Length of the common beginning of `label` and the part of `text` from `at` on. */
function sharedLength(label: string, text: string, at: number): number {
  const most = Math.min(label.length, text.length - at)
  let length = 0
  while (length < most && label.charCodeAt(length) === text.charCodeAt(at + length)) length++
  return length
}

/** Puts a node between a parent and its child, after `length` bytes of the child's label. */
function split(parent: Node, child: Node, length: number): Node {
  const fork = new Node(child.label.slice(0, length))
  child.label = child.label.slice(length)
  fork.children = new Map([[child.label.charCodeAt(0), child]])
  parent.children!.set(fork.label.charCodeAt(0), fork)
  return fork
}

/** Drops or joins a node without patterns; true when the parent may be in the same state now. */
function prune(parent: Node, node: Node): boolean {
  if (node.patterns.length > 0) return false
  const { children } = node
  const first = node.label.charCodeAt(0)
  if (children === undefined || children.size === 0) {
    parent.children!.delete(first)
    if (parent.children!.size === 0) parent.children = undefined
    return true
  }
  if (children.size > 1) return false
  const only = children.values().next().value!
  only.label = node.label + only.label
  parent.children!.set(first, only)
  return false
}

function bySequence(a: Pattern, b: Pattern): number {
  return a.sequence - b.sequence
}

function countNodes(node: Node): number {
  let count = 1
  if (node.children !== undefined) for (const child of node.children.values()) count += countNodes(child)
  return count
}
