// Sorted sets alone, beside redis-server: more of them meet than in programs of everything.

import { afterEach, describe, expect, test } from 'vitest'
import { commands } from '../../src/commands/index.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { redisServerMissing } from '../support/redis-server.ts'
import { frameBytes, scanFrames } from './frames.ts'
import { Generator } from './generator.ts'
import { readGrammars } from './grammar.ts'
import { EnginePeer, type SocketPeer } from './peers.ts'
import { type Command, encodeCommand } from './program.ts'
import { compare, report } from './runner.ts'
import { usePeers } from './use-peers.ts'

const COMMANDS = Number(process.env.DIFFERENTIAL_COMMANDS ?? 5_000)
const GENERIC = /^(b?z.*|del|unlink|copy|rename|move|expire|persist|type|exists|object\|encoding|set|lpush|sadd|srem)$/

describe.skipIf(redisServerMissing())('sorted sets here and at redis-server', () => {
  const peers = usePeers()

  // A reset brings other settings back than these.
  afterEach(async () => {
    await ask(peers.theirs, ['CONFIG', 'SET', 'zset-max-listpack-entries', '128'])
  })

  const ask = async (peer: EnginePeer | SocketPeer, command: Command): Promise<string> => {
    peer.send(
      0,
      encodeCommand(command, () => ''),
    )
    await peer.settle()
    return scanFrames(peer.take(0).bytes).frames.map(frameBytes).join('')
  }

  const expectSame = async (...words: (string | number)[]): Promise<string> => {
    const command = words.map(String)
    const reply = await ask(peers.ours, command)
    expect(`${command.join(' ')}: ${reply}`).toBe(`${command.join(' ')}: ${await ask(peers.theirs, command)}`)
    return reply
  }

  test.each([
    ['as settings are', 128],
    ['where no sorted set is a listpack', 0],
    ['where those of eight are', 8],
  ])(
    'answer the same random commands alike, %s',
    async (_, entries) => {
      await peers.theirs.reset(1)
      await ask(peers.theirs, ['CONFIG', 'SET', 'zset-max-listpack-entries', String(entries)])
      const limited = new EnginePeer({ 'zset-max-listpack-entries': String(entries) })
      const names = new Set(commands.map(({ name }) => name).filter((name) => GENERIC.test(name)))
      const generator = new Generator(await readGrammars(peers.theirs), names)
      const first = Number(process.env.DIFFERENTIAL_SEED ?? 1)
      const programs = process.env.DIFFERENTIAL_SEED === undefined ? Math.ceil(COMMANDS / 1000) : 1
      for (let seed = first; seed < first + programs; seed++) {
        const program = generator.program(seed, 1000)
        const difference = await compare(limited, peers.theirs, program.steps)
        if (difference !== undefined) expect.fail(await report(limited, peers.theirs, program, difference))
      }
      await limited.stop()
    },
    600_000,
  )

  test('scan alike what is a listpack', async () => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    await expectSame('ZADD', 'k', 3, 'c', 1, 'a', '-2.5', 'b', 'inf', 'd', '-0', 'e')
    for (const options of [
      [],
      ['COUNT', 1],
      ['MATCH', '[ab]'],
      ['MATCH', 'x*'],
      ['COUNT', 0],
      ['MATCH'],
      ['NOSUCH', 1],
    ]) {
      await expectSame('ZSCAN', 'k', 0, ...options)
    }
    for (const cursor of ['x', '', '-1', '5', '99999999999999999999']) await expectSame('ZSCAN', 'k', cursor)
    await expectSame('ZSCAN', 'none', 0, 'COUNT', 'x')
  })

  test('answer alike for ranges by member among different scores, if they are listpacks', async () => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    const random = new Random(3)
    const bounds = ['-', '+', '[a', '(c', '[e', '(m', '[q', '(z', '[cc']
    for (let round = 0; round < 60; round++) {
      const words: (string | number)[] = ['ZADD', 'k']
      for (let i = random.below(7); i >= 0; i--) words.push(random.below(4), 'aceimqz'[random.below(7)]!)
      await expectSame('DEL', 'k')
      await expectSame(...words)
      for (let i = 0; i < 8; i++) {
        const [min, max] = [bounds[random.below(bounds.length)]!, bounds[random.below(bounds.length)]!]
        for (const name of ['ZRANGEBYLEX', 'ZREVRANGEBYLEX', 'ZLEXCOUNT']) await expectSame(name, 'k', min, max)
      }
      await expectSame('ZREMRANGEBYLEX', 'k', '[c', '(q')
    }
  })

  test('have the same encodings at every threshold, and keep them', async () => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    const encoding = (key: string) => expectSame('OBJECT', 'ENCODING', key)
    for (const [entries, value] of [
      [128, 64],
      [4, 10],
      [0, 64],
      [512, 0],
    ] as const) {
      await expectSame('FLUSHALL')
      for (const [name, limit] of [
        ['zset-max-listpack-entries', entries],
        ['zset-max-listpack-value', value],
      ] as const) {
        await expectSame('CONFIG', 'SET', name, limit)
      }
      for (let i = 1; i <= 130; i++) {
        await expectSame('ZADD', 'k', i, `m${i}`)
        if (i < 8 || i > 126) await encoding('k')
      }
      await expectSame('ZADD', 'exact', 1, 'x'.repeat(value))
      await encoding('exact')
      await expectSame('ZADD', 'long', '-0', 'x'.repeat(value + 1))
      await encoding('long')
      await expectSame('ZSCORE', 'long', 'x'.repeat(value + 1))
      await expectSame('ZUNIONSTORE', 'u', 2, 'long', 'exact')
      await encoding('u')
      await expectSame('ZRANGE', 'u', 0, -1, 'WITHSCORES')
      await expectSame('ZREMRANGEBYRANK', 'k', 2, -1)
      await encoding('k')
      await expectSame('ZUNIONSTORE', 'u', 1, 'k')
      await encoding('u')
      await expectSame('ZRANGESTORE', 's', 'k', 0, -1)
      await encoding('s')
      await expectSame('COPY', 'k', 'copy')
      await encoding('copy')
      await expectSame('ZPOPMIN', 'long', 1)
      await expectSame('ZADD', 'long', '-0', 'a')
      await encoding('long')
      await expectSame('ZSCORE', 'long', 'a')
    }
  })
})
