// Streams alone, beside redis-server: where nodes end, what approximate trimming leaves, groups and what is pending.

import { describe, expect, test } from 'vitest'
import { commands } from '../../src/commands/index.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { redisServerMissing } from '../support/redis-server.ts'
import { type Frame, frameBytes, frameText, scanFrames } from './frames.ts'
import { Generator } from './generator.ts'
import { readGrammars } from './grammar.ts'
import type { EnginePeer, SocketPeer } from './peers.ts'
import { type Command, encodeCommand } from './program.ts'
import { compare, report } from './runner.ts'
import { usePeers } from './use-peers.ts'

const COMMANDS = Number(process.env.DIFFERENTIAL_COMMANDS ?? 10_000)
const GENERIC = /^(x.*|del|unlink|copy|rename|move|expire|persist|type|exists|object\|encoding|set)$/

describe.skipIf(redisServerMissing())('streams here and at redis-server', () => {
  const peers = usePeers()

  const askFrames = async (peer: EnginePeer | SocketPeer, command: Command): Promise<Frame[]> => {
    peer.send(
      0,
      encodeCommand(command, () => ''),
    )
    await peer.settle()
    return scanFrames(peer.take(0).bytes).frames
  }
  const ask = async (peer: EnginePeer | SocketPeer, command: Command): Promise<string> =>
    (await askFrames(peer, command)).map(frameBytes).join('')

  const expectSame = async (...words: (string | number)[]): Promise<string> => {
    const command = words.map(String)
    const reply = await ask(peers.ours, command)
    expect(`${command.join(' ')}: ${reply}`).toBe(`${command.join(' ')}: ${await ask(peers.theirs, command)}`)
    return reply
  }

  test('answer the same random commands alike', async () => {
    const names = new Set(commands.map(({ name }) => name).filter((name) => GENERIC.test(name)))
    const generator = new Generator(await readGrammars(peers.theirs), names)
    const first = Number(process.env.DIFFERENTIAL_SEED ?? 1)
    const programs = process.env.DIFFERENTIAL_SEED === undefined ? Math.ceil(COMMANDS / 1000) : 1
    for (let seed = first; seed < first + programs; seed++) {
      const program = generator.program(seed, 1000)
      const difference = await compare(peers.ours, peers.theirs, program.steps)
      if (difference !== undefined) expect.fail(await report(peers.ours, peers.theirs, program, difference))
    }
  }, 600_000)

  test.each([
    ['100', '4096'],
    ['0', '4096'],
    ['3', '0'],
    ['100', '300'],
    ['0', '0'],
  ])('divide a stream into the same nodes: %s entries, %s bytes', async (entries, bytes) => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    const random = new Random(Number(entries) + Number(bytes))
    await expectSame('CONFIG', 'SET', 'stream-node-max-entries', entries, 'stream-node-max-bytes', bytes)
    const values = [
      '',
      '1',
      '127',
      '128',
      '-4096',
      '5000',
      '40000',
      '9000000',
      '3000000000',
      '9223372036854775807',
      '01',
      'word',
    ]
    let ms = 1
    for (let round = 0; round < 500; round++) {
      ms += random.below(3) * [1, 1, 200, 2 ** 33][random.below(4)]!
      const words: (string | number)[] = []
      for (let i = random.below(3); i >= 0; i--) {
        const value = random.below(12) === 0 ? 'x'.repeat(random.below(300)) : values[random.below(values.length)]!
        words.push(random.below(10) === 0 ? value : `f${i}`, value)
      }
      const trim = [
        [],
        [],
        [],
        ['MAXLEN', '~', 150],
        ['MAXLEN', 180],
        ['MINID', '~', ms - 50],
        ['MAXLEN', '~', 100, 'LIMIT', 30],
      ]
      await expectSame('XADD', 's', ...trim[random.below(trim.length)]!, `${ms}-*`, ...words)
      if (random.below(4) === 0) {
        const reply = await ask(peers.ours, ['XRANGE', 's', String(ms - random.below(300)), '+', 'COUNT', '3'])
        const id = /\$\d+\r\n(\d+-\d+)\r\n/.exec(reply)?.[1]
        if (id !== undefined) await expectSame('XDEL', 's', id)
      }
      if (random.below(5) === 0) await expectSame('XINFO', 'STREAM', 's')
      if (random.below(60) === 0) await expectSame('XTRIM', 's', 'MINID', ms - 20)
      if (random.below(60) === 0) await expectSame('XTRIM', 's', 'MAXLEN', '~', 20)
      if (random.below(30) === 0) {
        await expectSame('XRANGE', 's', '-', '+')
        await expectSame('XREVRANGE', 's', '+', '-', 'COUNT', 50)
        await expectSame('XRANGE', 's', ms - 100, ms - 10)
        await expectSame('XREVRANGE', 's', ms - 10, ms - 100)
      }
    }
    await expectSame('CONFIG', 'SET', 'stream-node-max-entries', 100, 'stream-node-max-bytes', 4096)
  })

  test('serve the same of those who wait for a group', async () => {
    await peers.ours.reset(4)
    await peers.theirs.reset(4)
    const step = async (connection: number, ...words: string[]) => {
      const replies: string[][] = []
      for (const peer of [peers.ours, peers.theirs]) {
        peer.send(
          connection,
          encodeCommand(words, () => ''),
        )
        await peer.settle()
        replies.push([0, 1, 2, 3].map((each) => peer.take(each).bytes))
      }
      expect([words, replies[0]]).toEqual([words, replies[1]])
      return replies[0]!
    }
    const read = (consumer: string, ...options: string[]) => [
      ...['XREADGROUP', 'GROUP', 'g', consumer, ...options, 'BLOCK', '0', 'STREAMS', 's', '>'],
    ]
    await ask(peers.ours, ['HELLO', '3'])
    await ask(peers.theirs, ['HELLO', '3'])
    await step(0, 'XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    for (const consumer of ['a', 'b', 'c']) await step(0, 'XGROUP', 'CREATECONSUMER', 's', 'g', consumer)
    await step(1, ...read('a', 'COUNT', '1'))
    await step(2, ...read('b'))
    await step(3, 'XREAD', 'BLOCK', '0', 'STREAMS', 's', '$')
    // One of the group gets it, the other goes on waiting.
    const [, first, second, outside] = await step(0, 'XADD', 's', '1-1', 'f', 'v')
    expect([first === '', second === '', outside === '']).toEqual([false, true, false])
    await step(1, ...read('a', 'COUNT', '1'))
    await step(0, 'MULTI')
    for (const id of ['3-1', '3-2', '3-3']) await step(0, 'XADD', 's', id, 'f', id)
    await step(0, 'EXEC')
    await step(1, ...read('c', 'NOACK'))
    await step(0, 'XGROUP', 'SETID', 's', 'g', '3-2')
    await step(0, 'XADD', 's', '4-1', 'f', 'v')
    await step(0, 'XPENDING', 's', 'g')
    await step(0, 'XINFO', 'GROUPS', 's')
  })

  test('tell the same of groups and consumers, but for what is new in 7.2', async () => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    for (let i = 1; i <= 30; i++) await expectSame('XADD', 's', `${i}-1`, 'f', i)
    for (const group of ['g1', 'g2']) await expectSame('XGROUP', 'CREATE', 's', group, 0)
    for (const consumer of ['bob', 'alice', 'zoe', 'carl']) {
      await expectSame('XREADGROUP', 'GROUP', 'g1', consumer, 'COUNT', 5, 'STREAMS', 's', '>')
    }
    await expectSame('XREADGROUP', 'GROUP', 'g2', 'bob', 'NOACK', 'STREAMS', 's', '>')
    await expectSame('XACK', 's', 'g1', '1-1', '7-1', '99-1')
    await expectSame('XDEL', 's', '2-1')
    for (const command of [
      ['XINFO', 'STREAM', 's', 'FULL'],
      ['XINFO', 'STREAM', 's', 'FULL', 'COUNT', '3'],
      ['XINFO', 'STREAM', 's', 'FULL', 'COUNT', '0'],
      ['XINFO', 'CONSUMERS', 's', 'g1'],
    ]) {
      const [mine, other] = [await askFrames(peers.ours, command), await askFrames(peers.theirs, command)]
      expect(plain(mine[0]!)).toEqual(plain(other[0]!))
    }
  })
})

/** A reply without times, and without what 7.2 added. */
function plain(frame: Frame): unknown {
  if (frame.children.length === 0) {
    const text = frameText(frame)
    // Moments, and what little time has passed since.
    return frame.type === ':' && Number(text) > 1e12 ? 'a moment' : frame.head + text
  }
  const parts: unknown[] = []
  for (let i = 0; i < frame.children.length; i++) {
    const label = frameText(frame.children[i]!)
    if (['active-time', 'inactive', 'idle', 'seen-time'].includes(label)) i++
    else parts.push(plain(frame.children[i]!))
  }
  return parts
}
