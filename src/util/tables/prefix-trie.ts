// Items filed under prefixes, found by a text that begins with them.
//
// A radix trie: a lookup visits only the nodes along its text.
//
//        (root) ─ "news." ─┬─ "sport."
//                          └─ "music."
//
// Several items may have the same prefix.

import { itemAt } from '../array-reads.ts'

/** An item of a trie. */
export interface Prefixed {
  readonly prefix: string
  /** Its position among the items with the same prefix; set by the trie. */
  slot: number
  /** Tells whether the item matches a text that begins with the prefix. */
  matches(text: string): boolean
}

class Node<T> {
  /** The text between the parent's prefix and this one's; '' only at the root. */
  label: string
  children: Map<number, Node<T>> | undefined = undefined
  items: T[] = []

  constructor(label: string) {
    this.label = label
  }
}

export class PrefixTrie<T extends Prefixed> {
  readonly #root = new Node<T>('')

  add(item: T): void {
    const { prefix } = item
    let node = this.#root
    let at = 0
    while (at < prefix.length) {
      node.children ??= new Map()
      const child = node.children.get(prefix.charCodeAt(at))
      if (child === undefined) {
        const leaf = new Node<T>(prefix.slice(at))
        node.children.set(prefix.charCodeAt(at), leaf)
        node = leaf
        break
      }
      const shared = sharedLength(child.label, prefix, at)
      node = shared === child.label.length ? child : split(node, child, shared)
      at += shared
    }
    item.slot = node.items.length
    node.items.push(item)
  }

  /** Removes an item that was added. */
  remove(item: T): void {
    const { prefix } = item
    const path: Node<T>[] = [this.#root]
    let node = this.#root
    for (let at = 0; at < prefix.length; at += node.label.length) {
      node = node.children!.get(prefix.charCodeAt(at))!
      path.push(node)
    }
    const last = node.items.pop()!
    if (last !== item) {
      node.items[item.slot] = last
      last.slot = item.slot
    }
    // A node without items exists only as a fork.
    for (let i = path.length - 1; i > 0 && prune(itemAt(path, i - 1), itemAt(path, i)); i--);
  }

  /** Appends the items that match a text to `found`, shorter prefixes first. */
  match(text: string, found: T[]): void {
    let node: Node<T> | undefined = this.#root
    let at = 0
    while (node !== undefined) {
      const { items }: Node<T> = node
      for (let i = 0; i < items.length; i++) if (items[i]!.matches(text)) found.push(items[i]!)
      node = at < text.length ? node.children?.get(text.charCodeAt(at)) : undefined
      if (node !== undefined) {
        if (!text.startsWith(node.label, at)) break
        at += node.label.length
      }
    }
  }

  /**
   * Returns an item whose prefix is the beginning of `prefix` or begins with it: one with the first
   * such prefix in order.
   */
  overlapping(prefix: string): T | undefined {
    let node = this.#root
    let at = 0
    while (node.items.length === 0 && at < prefix.length) {
      const child: Node<T> | undefined = node.children?.get(prefix.charCodeAt(at))
      if (child === undefined) return undefined
      const shared = sharedLength(child.label, prefix, at)
      at += shared
      // Either the whole label matched, or the whole prefix.
      if (shared < child.label.length && at < prefix.length) return undefined
      node = child
    }
    // The first item below. Only the root may have none below it.
    while (node.items.length === 0) {
      if (node.children === undefined) return undefined
      node = node.children.get(Math.min(...node.children.keys()))!
    }
    return node.items[0]
  }

  /** Number of nodes, for tests: a removed item must leave none behind. */
  get nodes(): number {
    return countNodes(this.#root)
  }
}

/** Length of the common beginning of `label` and the part of `text` from `at` on. */
function sharedLength(label: string, text: string, at: number): number {
  const most = Math.min(label.length, text.length - at)
  let length = 0
  while (length < most && label.charCodeAt(length) === text.charCodeAt(at + length)) length++
  return length
}

/** Inserts a node between a parent and its child, after `length` bytes of the child's label. */
function split<T>(parent: Node<T>, child: Node<T>, length: number): Node<T> {
  const fork = new Node<T>(child.label.slice(0, length))
  child.label = child.label.slice(length)
  fork.children = new Map([[child.label.charCodeAt(0), child]])
  parent.children!.set(fork.label.charCodeAt(0), fork)
  return fork
}

/** Drops or joins a node without items; true when the parent may now need the same. */
function prune<T>(parent: Node<T>, node: Node<T>): boolean {
  if (node.items.length > 0) return false
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

function countNodes<T>(node: Node<T>): number {
  let count = 1
  if (node.children !== undefined) for (const child of node.children.values()) count += countNodes(child)
  return count
}
