// DEBUG's helpers beside redis-server: digests of every type, keys made in bulk, replies of every shape.

import { describe, expect, test } from 'vitest'
import { redisServerMissing } from '../support/redis-server.ts'
import { type Command, encodeCommand } from './program.ts'
import { usePeers } from './use-peers.ts'

const items = Array.from({ length: 200 }, (_, i) => `item ${i * 7}`)

describe.skipIf(redisServerMissing())('DEBUG, here and at redis-server', () => {
  const peers = usePeers()

  async function expectSame(...words: Command): Promise<void> {
    const command = encodeCommand(words, () => '')
    const replies: string[] = []
    for (const peer of [peers.ours, peers.theirs]) {
      peer.send(0, command)
      await peer.settle()
      replies.push(peer.take(0).bytes)
    }
    expect(`${words.join(' ')}: ${replies[0]}`).toBe(`${words.join(' ')}: ${replies[1]}`)
  }

  test('DIGEST and DIGEST-VALUE of every type', async () => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    await expectSame('DEBUG', 'DIGEST')
    const makers: Command[] = [
      ['SET', 'string', 'v\x00\xff'],
      ['SET', 'number', '-12'],
      ['RPUSH', 'list', 'a', 'b', 'a'],
      ['RPUSH', 'long', ...items],
      ['SADD', 'ints', '3', '1', '2'],
      ['SADD', 'set', ...items],
      ['ZADD', 'zset', '1.5', 'a', '-inf', 'b', '0.1', 'c', '1e300', '12'],
      ['ZADD', 'large', ...items.flatMap((item, i) => [String(i / 3), item])],
      ['HSET', 'hash', 'f', '1', 'g', '2'],
      ['HSET', 'table', ...items],
      ['XADD', 'stream', '1-5', 'f', 'v', 'g', 'w'],
      ['XADD', 'stream', '2-0', 'f', 'v'],
      ['PFADD', 'loglog', ...items],
      ['EXPIRE', 'hash', '1000'],
    ]
    for (const maker of makers) await expectSame(...maker)
    for (const { 1: key } of makers) await expectSame('DEBUG', 'DIGEST-VALUE', key!)
    await expectSame('DEBUG', 'DIGEST-VALUE', 'none', 'list', 'set')
    await expectSame('DEBUG', 'DIGEST')
    await expectSame('MOVE', 'set', '3')
    await expectSame('DEBUG', 'DIGEST')
    await expectSame('DEBUG', 'DIGEST', 'more')
  })

  test('POPULATE, PROTOCOL, ERROR, LOG, and what is refused', async () => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    const bulk: Command[] = [
      ['DEBUG', 'POPULATE', '30'],
      ['DEBUG', 'POPULATE', '40', 'key', '100'],
      ['DEBUG', 'POPULATE', '3', 'short', '5'],
      ['DEBUG', 'POPULATE', '3', 'x'.repeat(200)],
      ['DEBUG', 'POPULATE', '3', 'p', '4', 'more'],
      ['DEBUG', 'POPULATE', 'x'],
      ['DEBUG', 'POPULATE', '-1'],
      ['DEBUG', 'POPULATE', '1', 'p', 'x'],
      ['DEBUG', 'POPULATE'],
      ['DEBUG', 'DIGEST'],
      ['DBSIZE'],
      ['DEBUG', 'LOG', 'hello'],
      ['DEBUG', 'JMAP'],
      ['DEBUG', 'RELOAD', 'foo'],
    ]
    for (const command of bulk) await expectSame(...command)
    for (const version of ['2', '3']) {
      await expectSame('HELLO', version, 'SETNAME', 'x').catch(() => {})
      for (const text of ['ERR oh no', 'WORD', 'two\r\nlines']) await expectSame('DEBUG', 'ERROR', text)
      for (const type of 'string integer double bignum null array set map push verbatim true FALSE'.split(' ')) {
        await expectSame('DEBUG', 'PROTOCOL', type)
      }
    }
    await expectSame('EVAL', 'return type(string.dump)', '0')
  })
})
