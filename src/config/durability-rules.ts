// The durability of single keys: `durability "bull:*" always`, `durability "cache:*" none`.
//
// A rule is a glob pattern and a policy; pattern-rules.ts tells which rule decides. A key that no
// rule matches follows `appendfsync`.

import { itemAt } from '../util/array-reads.ts'
import type { Bytes } from '../util/bytes/bytes.ts'
import { ConfigError } from './config-kinds.ts'
import { PatternRules } from './pattern-rules.ts'

/** When writes are synced: before the reply, within a second, or whenever the system likes. */
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
    const pattern = itemAt(words, i)
    const policy = POLICIES[itemAt(words, i + 1).toLowerCase()]
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

export class DurabilityRules {
  /** Number of rules. */
  readonly size: number
  /** True when one of them is `always`. */
  readonly anyAlways: boolean
  readonly #rules: PatternRules<DurabilityRule>

  constructor(rules: readonly DurabilityRule[]) {
    this.size = rules.length
    this.anyAlways = rules.some(({ policy }) => policy === 'always')
    this.#rules = new PatternRules(rules)
  }

  /** Returns the policy of a key; `otherwise` when no rule matches it. */
  policyOf(key: Bytes, otherwise: SyncPolicy): SyncPolicy {
    return this.#rules.find(key)?.policy ?? otherwise
  }
}
