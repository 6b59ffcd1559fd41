// DEBUG's helpers beside redis-server: digests of every type, keys made in bulk, replies of every shape.

import { describe, expect, test } from 'vitest'
import { redisServerDiffers, redisServerMissing } from '../support/redis-server.ts'
import { type Command, encodeCommand } from './program.ts'
import { usePeers } from './use-peers.ts'

const items = Array.from({ length: 200 }, (_, i) => `item ${i * 7}`)

describe.skipIf(redisServerMissing() || redisServerDiffers('has other words and digests for DEBUG'))(
  'DEBUG, here and at redis-server',
  () => {
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
        [
          'ZADD',
          'numbers',
          '4155197455590775808',
          'a',
          '100000000',
          'b',
          '1e15',
          'c',
          '12345678901',
          'd',
          '-5e20',
          'e',
          '1e300',
          'f',
        ],
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

    test('switches, descriptions of values, and refusals', async () => {
      await peers.ours.reset(1)
      await peers.theirs.reset(1)
      for (const maker of [
        ['SET', 'string', 'hello'],
        ['SET', 'number', '12'],
        ['RPUSH', 'list', 'a', 'b'],
        ['RPUSH', 'long', ...items],
        ['HSET', 'hash', 'f', 'v'],
      ]) {
        await expectSame(...maker)
      }
      const asked = [
        'HTSTATS 99|HTSTATS -1|HTSTATS x|HTSTATS 3|HTSTATS 3 full|HTSTATS|HTSTATS 3 full x',
        'HTSTATS-KEY hash|HTSTATS-KEY nosuch|HTSTATS-KEY list|HTSTATS-KEY string',
        'SDSLEN list|SDSLEN number|SDSLEN nosuch|SDSLEN',
        'LISTPACK hash|LISTPACK string|LISTPACK nosuch|LISTPACK list|LISTPACK long|LISTPACK',
        'QUICKLIST list|QUICKLIST long|QUICKLIST long 1|QUICKLIST string|QUICKLIST nosuch|QUICKLIST long 1 2',
        'LEAK a|LEAK|CLIENT-EVICTION|CLIENT-EVICTION x|PAUSE-CRON 1|PAUSE-CRON 0|PAUSE-CRON|PAUSE-CRON 1 2',
        'REPLYBUFFER|REPLYBUFFER PEAK-RESET-TIME NEVER|REPLYBUFFER peak-reset-time x|REPLYBUFFER PEAK-RESET-TIME 100',
        'REPLYBUFFER PEAK-RESET-TIME RESET|REPLYBUFFER RESIZING 0|REPLYBUFFER RESIZING 1|REPLYBUFFER FOO 1',
        'REPLYBUFFER COPY-AVOIDANCE 0|SET-DISABLE-DENY-SCRIPTS 0|SET-DISABLE-DENY-SCRIPTS|CHANGE-REPL-ID|CHANGE-REPL-ID x',
        'CONFIG-REWRITE-FORCE-ALL|CONFIG-REWRITE-FORCE-ALL x|SET-SKIP-CHECKSUM-VALIDATION 0|SET-SKIP-CHECKSUM-VALIDATION x',
        'AOF-FLUSH-SLEEP 0|AOF-FLUSH-SLEEP x|AOF-FLUSH-SLEEP|QUICKLIST-PACKED-THRESHOLD x|QUICKLIST-PACKED-THRESHOLD 5gb',
        'QUICKLIST-PACKED-THRESHOLD 4gb|QUICKLIST-PACKED-THRESHOLD 1gb|QUICKLIST-PACKED-THRESHOLD 0|QUICKLIST-PACKED-THRESHOLD -1',
        'CLIENT-ENFORCE-REPLY-LIST 1|DELAY-RDB-CLIENT-FREE-SECOND 1|DICT-RESIZING 1|DICT-STATS 0|REPLICATE|REPLICATE a b',
        'DROP-CLUSTER-PACKET-FILTER 1|DROP-CLUSTER-PACKET-FILTER x|CLUSTERLINK KILL to x|CLUSTERLINK FOO to x|CLUSTERLINK a',
        'LOADAOF|LOADAOF x|RESTART x|CRASH-AND-RECOVER x|MALLCTL|LOG|OBJECT list fast|SLEEP|PROTOCOL|PROTOCOL foo',
      ]
      for (const words of asked.flatMap((line) => line.split('|'))) await expectSame('DEBUG', ...words.split(' '))
      for (const version of ['2', '3']) {
        await expectSame('HELLO', version, 'SETNAME', 'x').catch(() => {})
        await expectSame('DEBUG', 'PROTOCOL', 'attrib')
      }
    })

    test('OBJECT tells the same nodes and the same length in a snapshot', async () => {
      await peers.ours.reset(1)
      await peers.theirs.reset(1)
      const told = async (key: string): Promise<string[]> => {
        const command = encodeCommand(['DEBUG', 'OBJECT', key], () => '')
        const replies: string[] = []
        for (const peer of [peers.ours, peers.theirs]) {
          peer.send(0, command)
          await peer.settle()
          replies.push(peer.take(0).bytes.replace(/at:\S+|lru:\d+/g, ''))
        }
        return replies
      }
      // Both compress, each in its own way.
      await expectSame('CONFIG', 'SET', 'rdbcompression', 'no')
      const long = Array.from({ length: 40 }, (_, i) => `${i} `.repeat(200))
      for (const [key, ...maker] of [
        ['string', 'SET', 'string', 'hello'],
        ['list', 'RPUSH', 'list', ...long],
        ['large', 'SADD', 'large', 'one'],
        ['zset', 'ZADD', 'zset', '1', 'a', '2', 'b'],
      ]) {
        await expectSame(...maker)
        const [ours, theirs] = await told(key!)
        expect(ours).toBe(theirs)
      }
    })
  },
)
