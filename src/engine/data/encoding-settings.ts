// The settings of encodings, in the form in which the store reads them.

import type { Config } from '../../config/config.ts'
import { EncodingLimits } from '../../store/structures/encoding-limits.ts'

/** Returns limits that follow the settings. */
export function followEncodingLimits(config: Config): EncodingLimits {
  const limits = new EncodingLimits()
  const { list, hash, set, sortedSet, stream } = limits
  follow(config, 'list-max-listpack-size', (size) => (list.listpackSize = size))
  follow(config, 'hash-max-listpack-entries', (entries) => (hash.entries = entries))
  follow(config, 'hash-max-listpack-value', (value) => (hash.value = value))
  follow(config, 'set-max-intset-entries', (integers) => (set.integers = integers))
  follow(config, 'set-max-listpack-entries', (entries) => (set.entries = entries))
  follow(config, 'set-max-listpack-value', (value) => (set.value = value))
  follow(config, 'zset-max-listpack-entries', (entries) => (sortedSet.entries = entries))
  follow(config, 'zset-max-listpack-value', (value) => (sortedSet.value = value))
  follow(config, 'stream-node-max-bytes', (bytes) => (stream.nodeBytes = bytes))
  follow(config, 'stream-node-max-entries', (entries) => (stream.nodeEntries = entries))
  return limits
}

type EncodingSetting =
  | 'list-max-listpack-size'
  | 'set-max-intset-entries'
  | `stream-node-max-${'bytes' | 'entries'}`
  | `${'hash' | 'set' | 'zset'}-max-listpack-${'entries' | 'value'}`

function follow(config: Config, name: EncodingSetting, take: (value: number) => void): void {
  take(config.get(name))
  config.onChange(name, take)
}
