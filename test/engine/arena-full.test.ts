// The arena is full in the middle of a command: memory and journal agree, and the command can be sent again.

import { expect, test } from 'vitest'
import { Arena, ArenaFull } from '../../src/store/memory/arena.ts'
import { createEngine, restarted, type TestEngine } from '../support/engine.ts'
import { replaceMethod } from '../support/replace-method.ts'

const LONG = 'x'.repeat(200)
const MANY = Array.from({ length: 150 }, (_, i) => `${i}-${LONG}`)

const BEFORE: readonly (readonly (string | number)[])[] = [
  ['RPUSH', 'list', 'a', 'b', LONG],
  ['RPUSH', 'other', 'c'],
  ['RPUSH', 'full', 'x'.repeat(8190)],
  ['SADD', 'set', 'a', LONG],
  ['ZADD', 'zset', 1, 'a', 2, LONG],
  ['HSET', 'hash', 'f', 'v', LONG, LONG],
  ['SADD', 'large', ...MANY],
  ['SADD', 'integers', ...Array.from({ length: 100 }, (_, i) => i)],
  ['ZADD', 'scores', ...MANY.flatMap((member, i) => [i, member])],
  ['SET', 'string', LONG],
  ['XADD', 'stream', '1-1', 'f', LONG],
  ['XGROUP', 'CREATE', 'stream', 'group', '0'],
  ['GEOADD', 'places', 13.4, 52.5, `a${LONG}`, 2.3, 48.8, `b${LONG}`],
  ['PFADD', 'counted', 'a', 'b'],
]

/** Commands that add several elements, or to several keys. */
const COMMANDS: readonly (readonly (string | number)[])[] = [
  ['RPUSH', 'list', ...MANY],
  ['LPUSH', 'new', ...MANY],
  ['RPUSHX', 'list', ...MANY],
  ['SADD', 'set', ...MANY],
  ['SADD', 'new', ...MANY],
  ['ZADD', 'zset', ...MANY.flatMap((member, i) => [i, member])],
  ['ZADD', 'new', ...MANY.flatMap((member, i) => [i, member])],
  ['HSET', 'hash', ...MANY.flatMap((field) => [field, LONG])],
  ['HSET', 'new', ...MANY.flatMap((field) => [field, LONG])],
  ['LPUSHX', 'list', ...MANY],
  ['LINSERT', 'list', 'BEFORE', 'b', MANY.join('')],
  ['LSET', 'list', 1, MANY.join('')],
  ['LMOVE', 'list', 'full', 'RIGHT', 'LEFT'],
  ['LMOVE', 'list', 'new', 'RIGHT', 'LEFT'],
  ['LMOVE', 'list', 'list', 'RIGHT', 'LEFT'],
  ['RPOPLPUSH', 'list', 'new'],
  ['SMOVE', 'set', 'large', LONG],
  ['SMOVE', 'set', 'new', LONG],
  ['SUNIONSTORE', 'string', 'set', 'large'],
  ['SDIFFSTORE', 'list', 'large', 'set'],
  ['ZUNIONSTORE', 'string', 2, 'zset', 'scores'],
  ['ZRANGESTORE', 'zset', 'scores', 0, -1],
  ['GEOSEARCHSTORE', 'string', 'places', 'FROMLONLAT', 13, 52, 'BYRADIUS', 2000, 'km'],
  ['SORT', 'large', 'ALPHA', 'STORE', 'string'],
  ['MSET', 'new', LONG, 'string', MANY.join(''), 'list', LONG, 'also', LONG],
  ['MSETNX', 'new', LONG, 'also', MANY.join(''), 'third', LONG],
  ['APPEND', 'string', MANY.join('')],
  ['SETRANGE', 'string', 1000, LONG],
  ['BITOP', 'NOT', 'list', 'string'],
  ['PFMERGE', 'new', 'counted'],
  ['PFADD', 'counted', ...MANY],
  ['SREM', 'set', 'a', LONG],
  ['SREM', 'integers', ...Array.from({ length: 90 }, (_, i) => i)],
  ['SREM', 'large', ...MANY.slice(10)],
  ['SPOP', 'set', 1],
  ['HDEL', 'hash', LONG],
  ['ZREM', 'zset', LONG],
  ['ZREM', 'scores', ...MANY.slice(10)],
  ['ZPOPMIN', 'scores', 140],
  ['LREM', 'list', 0, LONG],
  ['LTRIM', 'full', 1, 0],
  ['XDEL', 'stream', '1-1'],
  ['GETDEL', 'string'],
  ['XADD', 'stream', '2-1', ...MANY.flatMap((field) => [field, LONG])],
  ['XADD', 'new', '2-1', 'f', LONG],
  ['XADD', 'stream', 'MAXLEN', '1', '2-1', 'f', MANY.join('')],
  ['XREADGROUP', 'GROUP', 'group', 'consumer', 'STREAMS', 'stream', '>'],
  ['XGROUP', 'CREATE', 'new', 'group', '$', 'MKSTREAM'],
  ['GEOADD', 'places', ...MANY.flatMap((member, i) => [i, i / 2, member])],
  ['COPY', 'scores', 'new'],
  ['COPY', 'large', 'string', 'REPLACE'],
  ['RENAME', 'scores', 'string'],
  ['HINCRBY', 'hash', MANY.join(''), 1],
  ['ZINCRBY', 'zset', 1, MANY.join('')],
  ['BITFIELD', 'string', 'SET', 'u8', 100_000, 1, 'SET', 'u8', 200_000, 1],
]

const REMOVALS = new Set(['SREM', 'SPOP', 'HDEL', 'ZREM', 'ZPOPMIN', 'LREM', 'LTRIM', 'XDEL', 'GETDEL'])

function digest({ connect }: TestEngine): string {
  const client = connect()
  const told = client.ask('DEBUG', 'DIGEST')
  client.disconnect()
  return told
}

test.each(COMMANDS.map((command) => [command.slice(0, 2).join(' '), command] as const))(
  '%s that finds the arena full leaves what the journal says, and adds the rest when it is sent again',
  (_name, command) => {
    let left = Number.POSITIVE_INFINITY
    replaceMethod(
      Arena.prototype,
      'allocate',
      (original) =>
        function (this: Arena, length: number) {
          if (left-- <= 0) throw new ArenaFull()
          return original.call(this, length)
        },
    )
    const fresh = (): TestEngine => {
      const made = createEngine({ 'enable-debug-command': 'yes' })
      const client = made.connect()
      for (const words of BEFORE) client.ask(...words)
      return made
    }
    const whole = fresh()
    whole.connect().ask(...command)
    const wanted = digest(whole)
    let failures = 0
    for (let allocations = 0; ; allocations += 1 + (allocations >> 1)) {
      const failing = fresh()
      const client = failing.connect()
      left = allocations
      const reply = client.ask(...command)
      left = Number.POSITIVE_INFINITY
      if (!reply.startsWith('-OOM')) break
      failures++
      const between = fresh()
      left = allocations
      between.connect().ask(...command)
      left = Number.POSITIVE_INFINITY
      const after = digest(between)
      const restored = restarted(between, { 'enable-debug-command': 'yes' })
      expect(digest(restored), `replayed in between, after ${allocations} allocations`).toBe(after)
      // What is added is added once, however often it is sent.
      client.ask(...command)
      expect(digest(failing), `sent again after ${allocations} allocations`).toBe(wanted)
      const replayed = restarted(failing, { 'enable-debug-command': 'yes' })
      expect(digest(replayed), `replayed after ${allocations} allocations`).toBe(wanted)
    }
    // A removal never fails for memory.
    expect(failures > 0).toBe(!REMOVALS.has(String(command[0])))
  },
)
