// Things filed under prefixes, found by a text that begins with them.
//
// A radix trie: a text meets only what hangs along its own path.
//
//        (root) ─ "news." ─┬─ "sport."
//                          └─ "music."
//
// Several things may have one prefix.

/** What can be filed here. */
export interface Prefixed {
  readonly prefix: string
  /** Its position among those with the same prefix; the trie's business. */
  slot: number
  /** Tells whether a text that begins with the prefix is meant. */
  matches(text: string): boolean
}

class Node<T> {
  /** The stretch between the parent's prefix and this one's; '' only at the root. */
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

  /** Removes something that was added. */
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
    // A node that holds nothing exists only to fork.
    for (let i = path.length - 1; i > 0 && prune(path[i - 1]!, path[i]!); i--);
  }

  /** Appends what matches a text to `found`, shorter prefixes first. */
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
   * Returns something whose prefix is the beginning of `prefix` or begins with it: that of the
   * prefix which comes first in order.
   */
  overlapping(prefix: string): T | undefined {
    let node = this.#root
    let at = 0
    while (node.items.length === 0 && at < prefix.length) {
      const child: Node<T> | undefined = node.children?.get(prefix.charCodeAt(at))
      if (child === undefined) return undefined
      const shared = sharedLength(child.label, prefix, at)
      at += shared
      // Either all of the label was met, or all of the prefix.
      if (shared < child.label.length && at < prefix.length) return undefined
      node = child
    }
    // The first below; the root alone may have nothing below it.
    while (node.items.length === 0) {
      if (node.children === undefined) return undefined
      node = node.children.get(Math.min(...node.children.keys()))!
    }
    return node.items[0]
  }

  /** Nodes in use, for tests: what was removed must leave nothing behind. */
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

/** Puts a node between a parent and its child, after `length` bytes of the child's label. */
function split<T>(parent: Node<T>, child: Node<T>, length: number): Node<T> {
  const fork = new Node<T>(child.label.slice(0, length))
  child.label = child.label.slice(length)
  fork.children = new Map([[child.label.charCodeAt(0), child]])
  parent.children!.set(fork.label.charCodeAt(0), fork)
  return fork
}

/** Drops or joins a node that holds nothing; true when the parent may be in the same state now. */
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
