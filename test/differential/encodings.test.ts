// OBJECT ENCODING of hashes, sets and sorted sets beside redis-server, while limits change and values grow, shrink, meet and are renamed.
//
// What 7.2 does otherwise than the 7.0 of the oracle is kept out, or known:
//   - it looks at how many fields or members one command names, so each names one here;
//   - small sets are listpacks where 7.0 has tables.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { redisServerDiffers, redisServerMissing } from '../support/redis-server.ts'
import { type Answered, askBoth, type Words } from './batches.ts'
import { usePeers } from './use-peers.ts'

const ROUNDS = process.env.SOAK ? 2000 : 60
const ROUND_COMMANDS = 60
/** After so many rounds everything begins anew: otherwise all would be tables soon. */
const ROUNDS_TO_FLUSH = 3

const LIMITS = ['0', '1', '2', '3', '4', '8', '16', '63', '64', '65', '128']
/** Both names of each setting, the old one and the new. */
const SETTINGS = [
  ...['hash', 'zset'].flatMap((type) =>
    ['entries', 'value'].flatMap((what) => [`${type}-max-listpack-${what}`, `${type}-max-ziplist-${what}`]),
  ),
  'set-max-intset-entries',
]
const DEFAULTS: Words[] = [
  ['CONFIG', 'SET', 'hash-max-listpack-entries', 128, 'hash-max-listpack-value', 64],
  ['CONFIG', 'SET', 'zset-max-listpack-entries', 128, 'zset-max-listpack-value', 64],
  ['CONFIG', 'SET', 'set-max-intset-entries', 512],
]
const KEYS = ['h', 's', 'z'].flatMap((type) => [0, 1, 2, 3].map((i) => type + i))

const pick = <T>(random: Random, choices: readonly T[]): T => choices[random.below(choices.length)]!
const key = (random: Random, type: string) => type + random.below(4)

function text(random: Random): string {
  switch (random.below(8)) {
    case 0:
      return 'x'.repeat(random.below(70))
    case 1:
      return 'y'.repeat(pick(random, [1, 2, 3, 63, 64, 65]))
    case 2:
      return pick(random, ['', '-0', '007', '1.5', '9223372036854775807', '9223372036854775808'])
    default:
      return `m${random.below(60)}`
  }
}

function makeCommand(random: Random): Words {
  const hash = () => key(random, 'h')
  const set = () => key(random, 's')
  const zset = () => key(random, 'z')
  const either = () => (random.below(3) === 0 ? set() : zset())
  const score = () => random.below(9) + pick(random, ['', '.25', 'e3'])
  switch (random.below(30)) {
    case 0:
      return ['CONFIG', 'SET', pick(random, SETTINGS), pick(random, LIMITS)]
    case 1:
    case 2:
    case 3:
      return ['HSET', hash(), text(random), text(random)]
    case 4:
      return ['HSETNX', hash(), text(random), text(random)]
    case 5:
      return ['HINCRBY', hash(), text(random), random.below(9)]
    case 6:
      return ['HINCRBYFLOAT', hash(), text(random), pick(random, ['1.5', '1e60', '-2'])]
    case 7:
      return ['HDEL', hash(), text(random)]
    case 8:
    case 9:
    case 10:
      return ['ZADD', zset(), ...pick(random, [[], ['NX'], ['XX'], ['GT'], ['CH'], ['INCR']]), score(), text(random)]
    case 11:
      return ['ZINCRBY', zset(), random.below(5), text(random)]
    case 12:
      return ['ZREM', zset(), text(random)]
    case 13:
      return ['ZUNIONSTORE', zset(), 2, either(), either()]
    case 14:
      return ['ZINTERSTORE', zset(), 2, either(), either()]
    case 15:
      return ['ZDIFFSTORE', zset(), 2, zset(), zset()]
    case 16:
      return ['ZRANGESTORE', zset(), zset(), random.below(4), random.below(40)]
    case 17:
      return ['ZREMRANGEBYRANK', zset(), random.below(4), random.below(40)]
    case 18:
    case 19:
    case 20:
      return ['SADD', set(), random.below(5) === 0 ? text(random) : random.below(100)]
    case 21:
      return ['SREM', set(), random.below(50)]
    case 22:
      return ['SUNIONSTORE', set(), set(), set()]
    case 23:
      return ['SINTERSTORE', set(), set(), set()]
    case 24:
      return ['SDIFFSTORE', set(), set(), set()]
    case 25:
      return ['SMOVE', set(), set(), random.below(50)]
    case 26: {
      const type = pick(random, ['h', 's', 'z'])
      return pick(random, [
        ['COPY', key(random, type), key(random, type), 'REPLACE'],
        ['RENAME', key(random, type), key(random, type)],
      ])
    }
    case 27:
      return ['DEL', pick(random, KEYS)]
    case 28:
      return ['GEOADD', zset(), random.below(100), random.below(80), text(random)]
    default:
      return [
        'GEOSEARCHSTORE',
        zset(),
        zset(),
        'FROMLONLAT',
        10,
        10,
        'BYRADIUS',
        20_000,
        'km',
        ...pick(random, [[], ['COUNT', 2]]),
      ]
  }
}

const LIST_ROUNDS = process.env.SOAK ? 400 : 15
/** The usual limits, and such that a few elements fill a node. */
const LIST_SIZES = ['-2', '-1', '-5', '1', '2', '3', '8', '0', '128']

/** The nodes in a list's payload, each with its bytes and their number; other replies as they are. */
function nodesIn(reply: string): string {
  const dump = Buffer.from(reply, 'latin1')
  let at = dump.indexOf(10) + 1
  if (!/^[$]\d{2,}\r\n\x12/.test(reply)) return reply
  at++
  const length = (): number => {
    const head = dump[at++]!
    if (head < 0x40) return head
    if (head < 0x80) return ((head & 0x3f) << 8) | dump[at++]!
    at += 4
    return dump.readUInt32BE(at - 4)
  }
  const nodes: string[] = []
  for (let left = length(); left > 0; left--) {
    const container = length()
    const bytes = length()
    const content = dump.subarray(at, at + bytes)
    at += bytes
    nodes.push(
      `${container}: ${content.readUInt16LE(4)} in ${bytes} ${createHash('sha1').update(content).digest('hex').slice(0, 8)}`,
    )
  }
  return nodes.join(', ')
}

/** One command on one of two lists, or a few that belong together. */
function makeListCommands(random: Random): Words[] {
  const list = `l${random.below(2)}`
  const other = `l${random.below(2)}`
  const element = () => {
    switch (random.below(10)) {
      case 0:
        return String(random.below(100_000))
      case 1:
        return 'b'.repeat(2000 + random.below(7000))
      case 2:
        return pick(random, ['', '-1', '127', '128', '4095', '4096', 'x'])
      default:
        return 'a'.repeat(random.below(900))
    }
  }
  const some = () => Array.from({ length: 1 + random.below(6) }, element)
  const end = () => pick(random, ['LEFT', 'RIGHT'])
  const index = () => random.below(60) - 30
  switch (random.below(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return [['RPUSH', list, ...some()]]
    case 4:
    case 5:
      return [['LPUSH', list, ...some()]]
    case 6:
      return [['RPUSH', list, ...some(), 'pivot', ...some()]]
    case 7:
      return [['LPOP', list]]
    case 8:
      return [['RPOP', list, random.below(6)]]
    case 9:
      return [['LPOP', list, random.below(12)]]
    case 10:
      return [['LTRIM', list, random.below(6), -1 - random.below(6)]]
    case 11:
      return [['LREM', list, random.below(5) - 2, pick(random, ['pivot', 'x', '', '127'])]]
    case 12:
    case 13:
      return [['LSET', list, index(), element()]]
    case 14:
    case 15:
    case 16:
      return [
        ['LSET', list, index(), 'pivot'],
        ['LINSERT', list, pick(random, ['BEFORE', 'AFTER']), 'pivot', element()],
      ]
    case 17:
      return [['LMOVE', list, other, end(), end()]]
    case 18:
      return [['COPY', list, other, 'REPLACE']]
    default:
      return [['SORT', list, 'BY', 'nosort', 'STORE', other]]
  }
}

describe.skipIf(redisServerMissing())('encodings here and at redis-server', () => {
  const peers = usePeers()

  test('are the same after every command, whatever the limits were and are', { timeout: 600_000 }, async () => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    const random = new Random(1)
    const seen = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      if (round % ROUNDS_TO_FLUSH === 0) await askBoth(peers.ours, peers.theirs, [['FLUSHALL'], ...DEFAULTS])
      const commands: Words[] = []
      for (let i = 0; i < ROUND_COMMANDS; i++) {
        commands.push(makeCommand(random), ...KEYS.map((name): Words => ['OBJECT', 'ENCODING', name]))
      }
      let last: Words = []
      for (const { words, ours: here, theirs: there } of await askBoth(peers.ours, peers.theirs, commands)) {
        if (words[0] !== 'OBJECT') {
          last = words
          continue
        }
        const name = String(words[2])
        seen.add(name[0] + here)
        if (name.startsWith('s') && here.includes('listpack') && there.includes('hashtable')) continue
        expect(`${name} after ${last.join(' ')}: ${here}`).toBe(`${name} after ${last.join(' ')}: ${there}`)
      }
    }
    expect(seen.size).toBe(3 + 3 + 1 + 3)
  })

  test.skipIf(redisServerDiffers('has no lists in a single listpack'))(
    'of lists are the same, and so are the nodes that DUMP shows',
    { timeout: 600_000 },
    async () => {
      await peers.ours.reset(1)
      await peers.theirs.reset(1)
      const random = new Random(7)
      const seen = new Set<string>()
      // Compressed, the same node may be different bytes.
      await askBoth(peers.ours, peers.theirs, [['CONFIG', 'SET', 'rdbcompression', 'no']])
      for (let round = 0; round < LIST_ROUNDS; round++) {
        const commands: Words[] = [['FLUSHALL'], ['CONFIG', 'SET', 'list-max-listpack-size', pick(random, LIST_SIZES)]]
        for (let i = 0; i < ROUND_COMMANDS; i++) {
          commands.push(...makeListCommands(random), ['OBJECT', 'ENCODING', 'l0'], ['OBJECT', 'ENCODING', 'l1'])
          commands.push(['DUMP', 'l0'])
        }
        commands.push(['DUMP', 'l0'], ['DUMP', 'l1'])
        let last: Words = []
        let payload = ''
        const compare = (answers: readonly Answered[]) => {
          for (const { words, ours: here, theirs: there } of answers) {
            if (words[0] !== 'OBJECT' && words[0] !== 'DUMP') {
              last = words
            } else {
              const label = `${words.join(' ')} after ${last.join(' ').slice(0, 200)} in round ${round}: `
              expect(label + nodesIn(here)).toBe(label + nodesIn(there))
              seen.add(here.slice(0, 20))
              if (words[0] === 'DUMP') payload = here.slice(here.indexOf('\n') + 1, -2)
            }
          }
        }
        compare(await askBoth(peers.ours, peers.theirs, commands))
        if (payload === '') continue
        const restored: Words[] = [
          ['RESTORE', 'l1', 0, payload, 'REPLACE'],
          ['OBJECT', 'ENCODING', 'l1'],
          ['LSET', 'l1', 0, 'pivot'],
        ]
        compare(await askBoth(peers.ours, peers.theirs, [...restored, ['OBJECT', 'ENCODING', 'l1'], ['DUMP', 'l1']]))
      }
      expect([...seen].filter((reply) => /list/.test(reply)).length).toBe(2)
      await askBoth(peers.ours, peers.theirs, [['CONFIG', 'SET', 'list-max-listpack-size', '-2']])
    },
  )

  test('settings have both their names', async () => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    const names = [...SETTINGS, 'list-max-listpack-size', 'list-max-ziplist-size']
    const commands = names.flatMap((name, i): Words[] => [
      ['CONFIG', 'SET', name, 7 + i],
      ['CONFIG', 'GET', name.replace('ziplist', 'listpack')],
      ['CONFIG', 'GET', name.replace('listpack', 'ziplist')],
      ['CONFIG', 'SET', name, 'x'],
      ['CONFIG', 'SET', name, -1],
      ['CONFIG', 'SET', name, '9223372036854775808'],
      ['CONFIG', 'GET', name],
    ])
    for (const { words, ours: here, theirs: there } of await askBoth(peers.ours, peers.theirs, [
      ...commands,
      ...DEFAULTS,
    ]))
      expect(`${words.join(' ')}: ${here}`).toBe(`${words.join(' ')}: ${there}`)
  })
})
