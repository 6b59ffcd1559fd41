// SLOWLOG and LATENCY beside redis-server: what is kept of a command, what is drawn, what is refused.

import { describe, expect, test } from 'vitest'
import { redisServerDiffers, redisServerMissing } from '../support/redis-server.ts'
import { type Command, encodeCommand } from './program.ts'
import { usePeers } from './use-peers.ts'

describe.skipIf(redisServerMissing() || redisServerDiffers('notes other commands'))(
  'slow commands, here and at redis-server',
  () => {
    const peers = usePeers()

    async function both(connection: number, words: Command): Promise<string[]> {
      const replies: string[] = []
      for (const peer of [peers.ours, peers.theirs]) {
        peer.send(
          connection,
          encodeCommand(words, () => ''),
        )
        await peer.settle()
        replies.push(peer.take(connection).bytes)
      }
      return replies
    }

    async function expectSame(words: Command, normalize = (reply: string) => reply): Promise<void> {
      const [ours, theirs] = await both(0, words)
      expect(`${words.join(' ')}: ${normalize(ours!)}`).toBe(`${words.join(' ')}: ${normalize(theirs!)}`)
    }

    /** Entries without what is each server's own: numbers, times, addresses, the pings by which one of them is waited for. */
    function entries(reply: string): string {
      return reply
        .split(/\*6\r\n:\d+\r\n:\d+\r\n:\d+\r\n/)
        .slice(1)
        .filter((entry) => !entry.includes('PING'))
        .map((entry) => entry.replace(/\$\d+\r\n[^\r$]+:\d+\r\n/, 'ADDRESS '))
        .join('')
    }

    test('SLOWLOG keeps the same commands in the same words', async () => {
      await peers.ours.reset(2)
      await peers.theirs.reset(2)
      await both(0, ['SLOWLOG', 'RESET'])
      await both(0, ['CONFIG', 'SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '1000'])
      const commands: Command[] = [
        ['RPUSH', 'many', ...Array.from({ length: 30 }, (_, i) => String(i))],
        ['RPUSH', 'many', ...Array.from({ length: 31 }, (_, i) => String(i))],
        ['SET', 'k', 'x'.repeat(128)],
        ['SET', 'k', 'x'.repeat(129)],
        ['set', 'k', '\x00\r\n\xff'],
        ['INCRBYFLOAT', 'f', '1.5'],
        ['SPOP', 'many'],
        ['GET'],
        ['NOSUCH', 'a'],
        ['CLIENT', 'SETNAME', 'jo'],
        ['AUTH', 'secret'],
        ['AUTH', 'nobody', 'secret'],
        ['HELLO', '2', 'AUTH', 'nobody', 'secret', 'SETNAME', 'x'],
        ['ACL', 'SETUSER', 'bob', 'on', '>secret'],
        ['ACL', 'DELUSER', 'bob'],
        ['CONFIG', 'SET', 'masterauth', 'secret', 'maxclients', '10000', 'MasterAuth', 'x'],
        ['EVAL', "redis.call('SET', KEYS[1], 'v') return redis.pcall('LPOP', KEYS[1])", '1', 'k'],
        ['MULTI'],
        ['SET', 'k', 'v'],
        ['GET', 'k'],
        ['EXEC'],
        ['SLOWLOG', 'LEN'],
        ['CLIENT', 'SETNAME', ''],
      ]
      for (const command of commands) await both(0, command)
      await both(1, ['BLPOP', 'nothing', '0'])
      await both(0, ['RPUSH', 'nothing', 'x'])
      await expectSame(['SLOWLOG', 'GET', '-1'], entries)
      await both(0, ['CONFIG', 'SET', 'slowlog-log-slower-than', '10000'])
    })

    test('refused requests, and empty results', async () => {
      await both(0, ['LATENCY', 'RESET'])
      const commands = [
        'SLOWLOG GET -2|SLOWLOG GET x|SLOWLOG GET 1 2|SLOWLOG get|SLOWLOG|SLOWLOG LEN x|SLOWLOG RESET x|SLOWLOG NOSUCH',
        'LATENCY|LATENCY NOSUCH|LATENCY LATEST|LATENCY LATEST x|LATENCY HISTORY|LATENCY HISTORY x|LATENCY RESET|LATENCY RESET a b',
        'LATENCY GRAPH|LATENCY GRAPH x|LATENCY DOCTOR|LATENCY DOCTOR x|LATENCY HISTOGRAM nosuch|SLOWLOG GET 0',
        'CONFIG SET latency-monitor-threshold 1000000|LATENCY DOCTOR|CONFIG SET latency-monitor-threshold 0',
        'CONFIG SET latency-tracking no|INFO latencystats|CONFIG SET latency-tracking yes',
      ]
      await both(0, ['SLOWLOG', 'RESET'])
      for (const line of commands) for (const command of line.split('|')) await expectSame(command.split(' '))
    })

    test('LATENCY HISTOGRAM has the same bounds', async () => {
      await both(0, ['CONFIG', 'RESETSTAT'])
      await both(0, ['DEBUG', 'SLEEP', '0.035'])
      await expectSame(['LATENCY', 'HISTOGRAM', 'debug', 'DEBUG', 'nosuch'])
    })
  },
)
