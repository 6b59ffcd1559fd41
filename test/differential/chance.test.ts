// Commands that choose by chance, beside redis-server: whatever they choose, it is as much, in the same shape, refused in the same words.

import { describe, expect, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { redisServerMissing } from '../support/redis-server.ts'
import { askBoth, type Words } from './batches.ts'
import { type Frame, frameBytes, frameText, scanFrames } from './frames.ts'
import type { EnginePeer, SocketPeer } from './peers.ts'
import { encodeCommand } from './program.ts'
import { usePeers } from './use-peers.ts'

const ROUNDS = 40
const ROUND_COMMANDS = 100
const SIZES = [1, 5, 30, 200]
const COUNTS = [
  ...['0', '1', '2', '3', '4', '5', '6', '10', '29', '30', '31', '150', '199', '200', '201', '1000', '-1', '-2', '-5', '-31', '-300'],
  ...['x', '', ' 1', '1.5', '4294967296', '4611686018427387903', '9223372036854775807', '9223372036854775808', '-9223372036854775808'],
] // biome-ignore format: a table
/** These ask for so many that only of nothing they are answered. */
const HUGE_COUNTS = ['-9223372036854775807', '-4611686018427387904', '-4611686018427387903']

const pick = <T>(random: Random, choices: readonly T[]): T => choices[random.below(choices.length)]!

/** Keys by the letter of their kind and their size: i is a set of integers. */
const FILLED: Words[] = SIZES.flatMap((size) => {
  const members = Array.from({ length: size }, (_, i) => `m${i}`)
  return [
    ['HSET', `h${size}`, ...members.flatMap((member) => [member, 'v'])],
    ['SADD', `s${size}`, ...members],
    ['SADD', `i${size}`, ...members.map((_, i) => i * 7)],
    ['ZADD', `z${size}`, ...members.flatMap((member, i) => [i, member])],
  ]
})

function makeCommands(random: Random): Words[] {
  const size = pick(random, [...SIZES, 'none'])
  const count = pick(random, size === 'none' ? [...COUNTS, ...HUGE_COUNTS] : COUNTS)
  const words = (...last: string[]) => pick(random, [[], [count], [count], ...last.map((word) => [count, word])])
  const set = pick(random, ['s', 'i']) + size
  switch (random.below(4)) {
    case 0:
      return [['HRANDFIELD', `h${size}`, ...words('WITHVALUES', 'withvalues', 'WITHSCORES')]]
    case 1:
      return [['ZRANDMEMBER', `z${size}`, ...words('WITHSCORES', 'withscores', 'WITHVALUES')]]
    case 2:
      return [['SRANDMEMBER', set, ...words('x')]]
    default: {
      const again = FILLED.find(([, key]) => key === set)
      return [['SPOP', set, ...words('x')], ['SCARD', set], ['DEL', set], ...(again === undefined ? [] : [again])]
    }
  }
}

/** A reply without what was chosen. */
function shapeOf(frame: Frame): string {
  if (frame.children.length > 0) return `${frame.head}${frame.children.map(shapeOf).join('')}`
  return /^[$,](?!-1)/.test(frame.head) ? frame.type : frame.head
}

describe.skipIf(redisServerMissing())('random choices here and at redis-server', () => {
  const peers = usePeers()

  test.each([2, 3])('has the same shape, and nothing twice unless asked for (RESP%i)', async (protocol) => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    await askBoth(peers.ours, peers.theirs, [['HELLO', protocol], ...FILLED])
    const random = new Random(protocol)
    for (let round = 0; round < ROUNDS; round++) {
      const commands = Array.from({ length: ROUND_COMMANDS }, () => makeCommands(random)).flat()
      for (const { words, ours: here, theirs: there } of await askBoth(peers.ours, peers.theirs, commands)) {
        const frame = scanFrames(here).frames[0]!
        expect(`${words.join(' ')}: ${shapeOf(frame)}`).toBe(
          `${words.join(' ')}: ${shapeOf(scanFrames(there).frames[0]!)}`,
        )
        if (!/^(HRAND|ZRAND|SRAND|SPOP)/.test(String(words[0])) || words.length !== 3 || !/^\d/.test(String(words[2])))
          continue
        expect(new Set(frame.children.map(frameBytes)).size).toBe(frame.children.length)
      }
    }
  })

  test.each([12, 72, 300])(
    'is scanned in about as many pages where encodings are tables (%i members)',
    async (size) => {
      await peers.ours.reset(1)
      await peers.theirs.reset(1)
      // One long name makes a table of few members, which here may lie in a small form.
      const names = Array.from({ length: size }, (_, i) => (i === 0 ? 'x'.repeat(70) : `m${i}`))
      await askBoth(peers.ours, peers.theirs, [
        ['HSET', 'h', ...names.flatMap((name) => [name, 'v'])],
        ['SADD', 's', ...names],
        ['ZADD', 'z', ...names.flatMap((name, i) => [i % 7, name])],
      ])
      for (const command of ['HSCAN h', 'SSCAN s', 'ZSCAN z']) {
        for (const count of [5, 20]) {
          const here = await scanAll(peers.ours, command, count)
          const there = await scanAll(peers.theirs, command, count)
          const label = `${command}, COUNT ${count}: ${here.pages} pages, ${there.pages} there`
          expect(here.seen, label).toEqual(there.seen)
          expect(here.pages, label).toBeGreaterThan(there.pages / 2 - 1)
          expect(here.pages, label).toBeLessThan(2 * there.pages + 1)
        }
      }
    },
  )
})

/** Scans to the end; says what was seen, and in how many pages. */
async function scanAll(peer: EnginePeer | SocketPeer, command: string, count: number) {
  const seen = new Set<string>()
  let cursor = '0'
  let pages = 0
  do {
    peer.send(
      0,
      encodeCommand([...command.split(' '), cursor, 'COUNT', String(count)], () => ''),
    )
    let bytes = ''
    while (scanFrames(bytes).frames.length === 0) {
      await peer.settle()
      bytes += peer.take(0).bytes
    }
    const [next, found] = scanFrames(bytes).frames[0]!.children
    for (const child of found!.children) seen.add(frameText(child))
    cursor = frameText(next!)
    pages++
  } while (cursor !== '0')
  return { seen, pages }
}
