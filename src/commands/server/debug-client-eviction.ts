// DEBUG CLIENT-EVICTION: numbers of clients by the memory they hold, in powers of two, while
// `maxmemory-clients` bounds it.

import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'

/** Redis's buckets: below 32 KiB, then doubling up to 4 GiB and beyond. */
const FIRST_BYTES = 2 ** 15
const BUCKETS = 19

export function clientEviction(call: Call): void {
  const {
    clients: { connected: clients },
    config,
  } = call.engine
  if (config.get('maxmemory-clients') === '0') throw ERR.of('maxmemory-clients is disabled.')
  const bytes = new Array<number>(BUCKETS).fill(0)
  const counts = new Array<number>(BUCKETS).fill(0)
  for (const client of clients.values()) {
    // Clients that cannot be evicted are in no bucket.
    if (client.connection.noEvict || client.connection.origin !== 'client') continue
    const bucket = bucketOf(client.bytes.counted)
    bytes[bucket]! += client.bytes.counted
    counts[bucket]!++
  }
  let text = ''
  for (let i = 0; i < BUCKETS; i++) {
    const from = i === 0 ? 0 : FIRST_BYTES * 2 ** (i - 1)
    const to = i === BUCKETS - 1 ? '+            ' : ` - ${String(FIRST_BYTES * 2 ** i - 1).padStart(10)}`
    text += `bucket ${String(from).padStart(10)}${to}: tot-mem: ${String(bytes[i]).padStart(10)}, clients: ${counts[i]}\n`
  }
  call.reply.verbatim(text)
}

function bucketOf(bytes: number): number {
  let bucket = 0
  while (bucket < BUCKETS - 1 && bytes >= FIRST_BYTES * 2 ** bucket) bucket++
  return bucket
}
