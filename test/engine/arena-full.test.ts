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
  ['SADD', 'set', 'a', LONG],
  ['ZADD', 'zset', 1, 'a', 2, LONG],
  ['HSET', 'hash', 'f', 'v', LONG, LONG],
  ['SET', 'string', LONG],
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
]

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
    for (let allocations = 0; ; allocations += 1 + (allocations >> 2)) {
      const failing = fresh()
      const client = failing.connect()
      left = allocations
      const reply = client.ask(...command)
      left = Number.POSITIVE_INFINITY
      if (!reply.startsWith('-OOM')) break
      failures++
      const after = digest(failing)
      // What is added is added once, however often it is sent.
      client.ask(...command)
      expect(digest(failing), `sent again after ${allocations} allocations`).toBe(wanted)
      const replayed = restarted(failing, { 'enable-debug-command': 'yes' })
      expect(digest(replayed), `replayed after ${allocations} allocations`).toBe(wanted)
      expect(after).toMatch(/^\+[0-9a-f]{40}\r\n$/)
    }
    expect(failures).toBeGreaterThan(0)
  },
)
