// BullMQ's own scripts, called by chance: the right keys in the wrong order, options of every kind, on data that is nearly what
// they expect. Both servers must reply the same to the byte, hold the same afterwards, and a replay of the journal must, too.
//
// The seed is fixed: sets have another order in 7.0 than in 7.2, and a script that fails halfway through one leaves what that
// order decides. BULLMQ_SEED and BULLMQ_EPISODES ask for others and more, to be looked at by hand.

import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { type RedisServer, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { EnginePeer, type Peer, SocketPeer } from './peers.ts'
import { encodeCommand } from './program.ts'
import { chance, pick } from './values.ts'

const SEED = Number(process.env.BULLMQ_SEED ?? 1)
const EPISODES = Number(process.env.BULLMQ_EPISODES ?? 30)
const CALLS = 30

interface Script {
  name: string
  body: string
  keys: number
}

const bullmq = createRequire(import.meta.url)('bullmq/dist/cjs/scripts/index.js') as Record<
  string,
  { content?: string; keys?: number }
>
/** Beside those that read the clock. */
const LEFT_OUT = new Set([
  // Negates a number: -0 is the word 0 in 7.2, and -0 in 7.0, which is no integer there.
  'addLog',
  // Runs as long as it is told to.
  'removeOrphanedJobs',
])
const SCRIPTS: Script[] = Object.entries(bullmq)
  .map(([name, { content = '', keys = 0 }]) => ({ name, body: content, keys }))
  .filter(({ name, body }) => body !== '' && !LEFT_OUT.has(name) && !/["']TIME["']/.test(body))

const PREFIX = 'bull:q:'
const NAMES = [
  ...[
    'wait',
    'active',
    'paused',
    'delayed',
    'prioritized',
    'completed',
    'failed',
    'stalled',
    'stalled-check',
    'limiter',
  ],
  ...[
    'meta',
    'events',
    'marker',
    'id',
    'pc',
    'repeat',
    'waiting-children',
    'de:x',
    '1',
    '2',
    '3',
    '1:lock',
    '2:lock',
    '',
  ],
  ...['1:dependencies', '1:processed', '1:failed', '1:unsuccessful', 'metrics:completed', 'repeat:job'],
]
const JOB_FIELDS = [
  ...['name', 'data', 'opts', 'atm', 'ats', 'delay', 'priority', 'parentKey', 'parent', 'paused', 'concurrency', 'max'],
  ...['opts.maxLenEvents', 'duration', 'timestamp', 'stc', 'pb', 'deid', 'rjk', 'ic', 'every'],
]
const FIELD_VALUES = ['1', '{}', '{"a":1}', 'x', '', 'bull:q:2', '100', '{"id":"2","queueKey":"bull:q"}']
const OPTIONS = [
  ...[
    'token',
    'keepJobs',
    'limiter',
    'lockDuration',
    'attempts',
    'maxMetricsSize',
    'fpof',
    'cpof',
    'idof',
    'rdof',
    'name',
  ],
  ...['delay', 'priority', 'lifo', 'de', 'jobId', 'attempt', 'tk', 'kl', 'sizeLimit'],
]

const key = (random: Random): string => PREFIX + pick(random, NAMES)

/** MessagePack as BullMQ's clients write it: maps of 16 bits, and the shortest form of the rest. */
function packed(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? '\xc3' : '\xc2'
  if (typeof value === 'string') return String.fromCharCode(0xa0 | value.length) + value
  return value < 128 ? String.fromCharCode(value) : `\xcd${String.fromCharCode(value >> 8, value & 255)}`
}
function options(random: Random): string {
  const count = random.below(6)
  let text = `\xde\0${String.fromCharCode(count)}`
  for (let i = 0; i < count; i++) {
    text += packed(pick(random, OPTIONS)) + packed(pick(random, [1, 0, 5, 300, 'x', '1', true, false]))
  }
  return text
}
function jobArguments(random: Random): string {
  const maybe = (text: string): string => (chance(random, 50) ? packed(text) : '\xc0')
  const fields = [packed(PREFIX), packed(''), packed('name'), '\xce\x5f\0\0\0', maybe('p'), maybe('d'), maybe('x')]
  return `\x99${fields.join('')}\xc0\xc0`
}

const WORDS = [
  ...[
    'completed',
    'failed',
    'wait',
    'waiting',
    'delayed',
    'active',
    'prioritized',
    'paused',
    'token',
    'LPUSH',
    'RPUSH',
  ],
  ...[
    'true',
    'false',
    '0',
    '-1',
    '1',
    '2',
    '3',
    'x',
    '',
    'WITHSCORES',
    '1700000000000',
    PREFIX,
    '{"a":1}',
    '\x93\xa11\xa12\xa13',
  ],
]
function argument(random: Random): string {
  switch (random.below(6)) {
    case 0:
      return String(random.below(10))
    case 1:
      return String(random.below(1_000_000))
    case 2:
      return options(random)
    case 3:
      return jobArguments(random)
    case 4:
      return key(random)
  }
  return pick(random, WORDS)
}

/** A change that a script may have made before. */
function preparation(random: Random): string[] {
  const id = pick(random, ['1', '2', '3', '0', '0:1'])
  switch (random.below(8)) {
    case 0:
    case 1:
      return ['RPUSH', PREFIX + pick(random, ['wait', 'active', 'paused', 'stalled']), id]
    case 2:
      return [
        'ZADD',
        PREFIX + pick(random, ['delayed', 'prioritized', 'completed', 'failed']),
        `${random.below(1e6)}`,
        id,
      ]
    case 3:
      return ['ZADD', PREFIX + pick(random, ['repeat', 'waiting-children', 'marker']), String(random.below(1e6)), id]
    case 4:
      return [
        ...['HSET', PREFIX + pick(random, ['1', '2', '3', 'meta', 'repeat:job', 'de:x'])],
        ...[pick(random, JOB_FIELDS), pick(random, FIELD_VALUES)],
      ]
    case 5:
      return [
        'SET',
        PREFIX + pick(random, ['1:lock', '2:lock', 'limiter', 'id', 'de:x']),
        pick(random, ['token', '1', '5']),
      ]
    case 6:
      return chance(random, 50)
        ? ['SADD', `${PREFIX}1:dependencies`, 'bull:q:2']
        : ['SADD', `${PREFIX}stalled`, pick(random, ['1', '2', '3'])]
  }
  return chance(random, 30) ? ['DEL', key(random)] : ['HSET', `${PREFIX}1:processed`, 'bull:q:2', '"r"']
}

function scriptCall(random: Random): string[] {
  const { body, keys } = pick(random, SCRIPTS)
  const count = 4 + random.below(8)
  return [
    ...['EVAL', body, String(keys)],
    ...Array.from({ length: keys }, () => key(random)),
    ...Array.from({ length: count }, () => argument(random)),
  ]
}

/** What a key holds, without the order that nobody promises and the ids that the clock makes. */
const CONTENT = `
local kind = redis.call('TYPE', KEYS[1]).ok
local content
if kind == 'string' then content = redis.call('GET', KEYS[1])
elseif kind == 'list' then content = redis.call('LRANGE', KEYS[1], 0, -1)
elseif kind == 'zset' then content = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
elseif kind == 'set' then content = redis.call('SMEMBERS', KEYS[1]) table.sort(content)
elseif kind == 'hash' then
  local fields = redis.call('HGETALL', KEYS[1])
  content = {}
  for i = 1, #fields, 2 do content[#content + 1] = fields[i] .. '=' .. fields[i + 1] end
  table.sort(content)
elseif kind == 'stream' then
  content = redis.call('XRANGE', KEYS[1], '-', '+')
  for _, entry in ipairs(content) do entry[1] = '' end
end
return {kind, content or false, redis.call('PTTL', KEYS[1]) > 0}`

describe.skipIf(redisServerMissing())('beside redis-server', () => {
  let server: RedisServer
  let theirs: SocketPeer
  let ours: EnginePeer

  beforeAll(async () => {
    server = await startRedisServer(['--enable-debug-command', 'yes'])
    theirs = new SocketPeer('redis-server', server.socketPath)
    ours = new EnginePeer()
  })

  afterAll(async () => {
    await theirs?.stop()
    await ours?.stop()
    await server?.stop()
  })

  async function answer(peer: Peer, words: readonly string[]): Promise<string> {
    peer.send(
      0,
      encodeCommand(words, () => ''),
    )
    await peer.settle()
    return peer.take(0).bytes
  }

  /** Sends an episode to both; returns the first difference, and how many requests were refused. */
  async function run(requests: readonly string[][]): Promise<{ difference: string | undefined; refused: number }> {
    await theirs.reset(1)
    await ours.reset(1)
    let refused = 0
    for (const [i, words] of requests.entries()) {
      const reply = await answer(ours, words)
      const expected = await answer(theirs, words)
      if (reply.startsWith('-')) refused++
      if (reply === expected) continue
      const texts = [JSON.stringify(words), JSON.stringify(expected), JSON.stringify(reply)]
      return { difference: `request ${i}: ${texts[0]}\n  redis: ${texts[1]}\n  ours:  ${texts[2]}`, refused }
    }
    return { difference: ours.verify(), refused }
  }

  test('every script does to any data what it does there', async () => {
    const random = new Random(SEED)
    let [refused, sent] = [0, 0]
    for (let episode = 0; episode < EPISODES; episode++) {
      const requests = [
        ...Array.from({ length: CALLS }, () => preparation(random)),
        ...Array.from({ length: CALLS }, () => (chance(random, 70) ? scriptCall(random) : preparation(random))),
        ...NAMES.map((name) => ['EVAL', CONTENT, '1', PREFIX + name]),
      ]
      // A lock of a few milliseconds may end between the two servers' turns: what is a difference is one each time.
      let result = await run(requests)
      for (let again = 0; again < 3 && result.difference !== undefined; again++) result = await run(requests)
      expect(result.difference, `BULLMQ_SEED=${SEED}, episode ${episode}`).toBeUndefined()
      refused += result.refused
      sent += requests.length
    }
    // Most of it is to come far, not to be refused at the door.
    expect(refused).toBeLessThan(sent / 2)
  })
})
