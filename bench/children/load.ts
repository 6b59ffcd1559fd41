// Loads much of one kind over one pipelined connection.

import { childInput, reportAndExit } from '../child.ts'
import { encode, open } from '../wire.ts'

export type Kind =
  | 'keys'
  | 'list'
  | 'hashes'
  | 'sets'
  | 'sortedSets'
  | 'streams'
  | 'oneSet'
  | 'oneSortedSet'
  | 'oneHash'
  | 'oneStream'
  | 'points'

interface Input {
  port: number
  kind: Kind
  /** Number of the first; default 0. */
  from?: number
  count: number
  valueBytes: number
}

const BATCH_COMMANDS = 500
/** Batches under way at a time: enough that the server never waits for this process. */
const BATCHES_AHEAD = 4

const { port, kind, from = 0, count, valueBytes } = childInput<Input>()

const KEY_BYTES = 16
// Replies are counted by their lines: an id is a bulk string, of two, all others are numbers or OK.
const LINES = kind === 'streams' || kind === 'oneStream' ? 2 : 1
let replies = 0
let awaited = 0
let wake: (() => void) | undefined
const socket = await open(port, (buffer, length) => {
  for (let i = buffer.indexOf(10); i !== -1 && i < length; i = buffer.indexOf(10, i + 1)) replies++
  if (replies >= awaited * LINES) wake?.()
})

function until(replyCount: number): Promise<void> {
  if (replies >= replyCount * LINES) return Promise.resolve()
  awaited = replyCount
  return new Promise((resolve) => {
    wake = () => {
      wake = undefined
      resolve()
    }
  })
}

const value = (i: number): string => `${i}:${'v'.repeat(valueBytes)}`.slice(0, valueBytes)
const twelve = (i: number): string => String(i).padStart(12, '0')
/** Spreads numbers as a hash does, so that nothing arrives in order. */
const scattered = (i: number): number => Math.imul(i + 1, 0x9e3779b1) >>> 0

/**
 * Kind → the command for number `i`; 100 structures of a kind, but for hashes, which have ten
 * fields each.
 */
const REQUESTS: Record<Kind, (i: number) => string> = {
  keys: (i) => encode('SET', `key:${String(i).padStart(KEY_BYTES - 4, '0')}`, value(i)),
  list: (i) => encode('RPUSH', 'list', value(i)),
  hashes: (i) => encode('HSET', `hash:${Math.floor(i / 10)}`, `field:${i % 10}`, value(i)),
  sets: (i) => encode('SADD', `set:${i % 100}`, `member:${twelve(i)}`),
  sortedSets: (i) => encode('ZADD', `zset:${i % 100}`, String(scattered(i)), `member:${twelve(i)}`),
  streams: (i) => encode('XADD', `stream:${i % 100}`, '*', 'name', `job:${twelve(i)}`, 'state', 'waiting'),
  oneSet: (i) => encode('SADD', 'set', `member:${twelve(i)}`),
  oneSortedSet: (i) => encode('ZADD', 'zset', String(scattered(i) % count), `member:${twelve(i)}`),
  oneHash: (i) => encode('HSET', 'hash', `field:${twelve(i)}`, value(i)),
  oneStream: (i) => encode('XADD', 'stream', '*', 'name', `job:${twelve(i)}`),
  points: (i) => {
    const spread = scattered(i)
    return encode(
      'GEOADD',
      'geo',
      String(((spread & 0xffff) / 65536) * 40 - 10),
      String(((spread >>> 16) / 65536) * 25 + 35),
      `point:${i}`,
    )
  },
}
const request = REQUESTS[kind]

const started = performance.now()
for (let sent = 0; sent < count; ) {
  const end = Math.min(count, sent + BATCH_COMMANDS)
  let batch = ''
  for (; sent < end; sent++) batch += request(from + sent)
  socket.write(batch, 'latin1')
  await until(sent - BATCH_COMMANDS * BATCHES_AHEAD)
}
await until(count)
reportAndExit({ seconds: (performance.now() - started) / 1000 })
