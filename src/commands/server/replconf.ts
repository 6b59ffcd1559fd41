// REPLCONF: a replica's properties before PSYNC, and its offset after it.
//
// ACK and GETACK get no reply: they travel in the replication stream, which has no replies.

import { ERR } from '../../protocol/errors.ts'
import { splitInline } from '../../protocol/inline-words.ts'
import type { Replica } from '../../replication/replica.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

/** Redis's limit, the length of a host name. */
const ADDRESS_BYTES_MAX = 255
const NOT_ZERO_OR_ONE = ERR.of('value is out of range, value must between 0 and 1')
const NO_FILTERS = ERR.of('Missing rdb-filter-only values')

export const replconf = defineCommand({
  name: 'REPLCONF',
  summary: 'Takes what a replica says of itself.',
  group: 'server',
  since: '3.0.0',
  complexity: 'O(1)',
  docFlags: ['syscmd'],
  arity: -1,
  flags: ['admin', 'noscript', 'loading', 'stale', 'allow_busy'],
  reply: 'status OK; nothing to ACK and GETACK',
  run(call) {
    const { args } = call
    if (args.length % 2 === 0) throw ERR.syntax
    for (let i = 1; i < args.length; i += 2) if (!take(call, i)) return
    call.reply.ok()
  },
})

/** Reads one setting at `i`; returns false if there is no reply. */
function take(call: Call, i: number): boolean {
  const { args } = call
  const { replicas } = call.engine.parts.replication
  if (args.equalsIgnoreCase(i, 'ACK')) {
    const offset = offsetAt(call, i + 1)
    const synced = args.length > i + 3 && args.equalsIgnoreCase(i + 2, 'FACK') ? offsetAt(call, i + 3) : undefined
    if (offset !== undefined) replicas.acknowledge(call.client, offset, synced)
    return false
  }
  // A primary sends it in its stream, and the following server reads it there.
  if (args.equalsIgnoreCase(i, 'GETACK')) return false
  const replica = replicas.introduce(call.client)
  if (args.equalsIgnoreCase(i, 'LISTENING-PORT')) {
    replica.introduction.port = call.integer(i + 1, -0x80000000, 0x7fffffff)
  } else if (args.equalsIgnoreCase(i, 'IP-ADDRESS')) {
    const address = args.string(i + 1)
    if (address.length > ADDRESS_BYTES_MAX) {
      throw ERR.of(`REPLCONF ip-address provided by replica instance is too long: ${address.length} bytes`)
    }
    replica.introduction.address = address
  } else if (args.equalsIgnoreCase(i, 'CAPA')) {
    if (args.equalsIgnoreCase(i + 1, 'EOF')) replica.introduction.understandsEof = true
    else if (args.equalsIgnoreCase(i + 1, 'PSYNC2')) replica.introduction.understandsPsync2 = true
  } else if (args.equalsIgnoreCase(i, 'RDB-ONLY')) {
    replica.introduction.wantsCopyOnly = call.integer(i + 1, 0, 1, NOT_ZERO_OR_ONE) === 1
  } else if (args.equalsIgnoreCase(i, 'RDB-FILTER-ONLY')) {
    filter(replica, args.string(i + 1))
  } else {
    throw ERR.of(`Unrecognized REPLCONF option: ${args.string(i)}`)
  }
  return true
}

/** Leaves everything out of a snapshot that is not named. */
function filter(replica: Replica, text: string): void {
  const words = splitInline(text)
  // Quotes that do not end.
  if (words === undefined) throw NO_FILTERS
  replica.copy.contents = { data: false, functions: false }
  for (const word of words) {
    if (word.toLowerCase() !== 'functions') throw ERR.of(`Unsupported rdb-filter-only option: ${word}`)
    replica.copy.contents = { ...replica.copy.contents, functions: true }
  }
}

function offsetAt(call: Call, i: number): number | undefined {
  const value = parseInteger(call.args.bytes(i))
  return value === undefined ? undefined : Number(value)
}
