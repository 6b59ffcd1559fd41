// Which key is to be how durable: `durability "bull:*" always`, `durability "cache:*" none`.
//
// A rule is a glob pattern and a policy. Among the rules that match a key the one
// with the longest literal prefix (what stands before the first * ? [ or \) decides,
// among equally long ones the one given last; a key that none matches follows
// `appendfsync`.
//
// The rules hang in a trie over their literal prefixes, a byte a step, so a key
// meets only those along its own path, the longest last. A thousand rules cost a
// key no more than one does.

import { literalPrefix } from '../broker/pattern-index.ts'
import type { Bytes } from '../util/bytes.ts'
import { Glob } from '../util/glob.ts'
import { ConfigError } from './config-kinds.ts'

/** When what was written is synced: before the reply, within a second, whenever the system likes. */
export type SyncPolicy = 'always' | 'everysec' | 'no'

export interface DurabilityRule {
  readonly pattern: string
  readonly policy: SyncPolicy
}

/** Words of a rule → policy; `none` reads better there, `no` is appendfsync's word for it. */
const POLICIES: Readonly<Record<string, SyncPolicy>> = { always: 'always', everysec: 'everysec', no: 'no', none: 'no' }
const WORDS = { always: 'always', everysec: 'everysec', no: 'none' } as const

/** Reads `pattern policy …`. A pattern given twice keeps its last policy. Throws ConfigError. */
export function parseDurabilityRules(text: string): DurabilityRule[] {
  const words = text.split(' ').filter((word) => word !== '')
  if (words.length % 2 !== 0) throw new ConfigError('argument must be pairs of a key pattern and a policy')
  const rules = new Map<string, DurabilityRule>()
  for (let i = 0; i < words.length; i += 2) {
    const pattern = words[i]!
    const policy = POLICIES[words[i + 1]!.toLowerCase()]
    if (policy === undefined) {
      throw new ConfigError(`the policy of '${pattern}' must be one of the following: always, everysec, none`)
    }
    rules.delete(pattern)
    rules.set(pattern, { pattern, policy })
  }
  return [...rules.values()]
}

/** Prints rules as `parseDurabilityRules` reads them. */
export function formatDurabilityRules(rules: readonly DurabilityRule[]): string {
  return rules.map(({ pattern, policy }) => `${pattern} ${WORDS[policy]}`).join(' ')
}

/** A rule made ready. */
interface Entry {
  readonly policy: SyncPolicy
  /** Null = whatever follows the prefix is fine. */
  readonly glob: Glob | null
}

class Node {
  /** Next byte → node. */
  children: Map<number, Node> | undefined = undefined
  /** The rules whose prefix ends here, the one given last first. */
  readonly entries: Entry[] = []
}

export class DurabilityRules {
  /** Number of rules. */
  readonly size: number
  /** True when one of them is `always`. */
  readonly anyAlways: boolean
  readonly #root = new Node()
  /** Nodes with rules along the current key's path; kept between calls. */
  readonly #path: Node[] = []

  constructor(rules: readonly DurabilityRule[]) {
    this.size = rules.length
    this.anyAlways = rules.some(({ policy }) => policy === 'always')
    for (const rule of rules) this.#add(rule)
  }

  #add({ pattern, policy }: DurabilityRule): void {
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
    node.entries.unshift({ policy, glob: pattern === `${prefix}*` ? null : new Glob(pattern) })
  }

  /** Returns the policy of a key; `otherwise` when no rule matches it. */
  policyOf(key: Bytes, otherwise: SyncPolicy): SyncPolicy {
    const path = this.#path
    let depth = 0
    let node: Node | undefined = this.#root
    for (let i = 0; node !== undefined; i++) {
      if (node.entries.length > 0) path[depth++] = node
      node = i < key.length ? node.children?.get(key.at(i)) : undefined
    }
    while (depth > 0) {
      const { entries } = path[--depth]!
      for (let i = 0; i < entries.length; i++) {
        const { glob, policy } = entries[i]!
        if (glob === null || glob.matchesBytes(key)) return policy
      }
    }
    return otherwise
  }
}
