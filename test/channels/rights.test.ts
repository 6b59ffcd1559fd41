// The rights needed to change the data of channels, or the positions of other subscribers.

import { describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'

const REFUSED = '-NOPERM No permissions to access a key\r\n'

/** Connects a client of a user with these rules. */
function as({ connect }: TestEngine, name: string, rules: string): TestClient {
  connect().ask('ACL', 'SETUSER', name, 'on', '>secret', ...rules.split(' '))
  const client = connect()
  client.ask('AUTH', name, 'secret')
  return client
}

/** Makes an engine with messages, a scheduled one, and positions of anna and of a group. */
function filled(): TestEngine {
  const engine = createEngine({ channel: 'orders.* keep 1h' })
  const anna = as(engine, 'anna', '+@pubsub +client &orders.*')
  anna.ask('CLIENT', 'SETNAME', 'billing')
  for (const command of ['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE']) {
    anna.ask(command, command === 'PSUBSCRIBE' ? 'orders.*' : 'orders.eu')
  }
  anna.ask('SUBSCRIBE', '$share/workers/orders.eu')
  anna.disconnect()
  const publisher = engine.connect()
  publisher.ask('PUBLISH', 'orders.eu', 'one')
  publisher.ask('SPUBLISH', 'orders.eu', 'one')
  publisher.ask('PUBLISH', 'orders.eu', 'two', 'ID', 'x', 'IN', '60000')
  publisher.ask('SPUBLISH', 'orders.eu', 'two', 'ID', 'x', 'IN', '60000')
  return engine
}

const COMMANDS: readonly (readonly [line: string, key: string])[] = [
  ['CHANNEL TRIM orders.eu MAXLEN 0', 'channel:{orders.eu}'],
  ['CHANNEL TRIM orders.eu MAXLEN 0 SHARD', 'schannel:{orders.eu}'],
  ['CHANNEL CANCEL orders.eu x', 'scheduled:channel:{orders.eu}'],
  ['CHANNEL CANCEL orders.eu x shard', 'scheduled:schannel:{orders.eu}'],
  ['CHANNEL SEEK orders.eu anna billing LAST', 'places:channel:{orders.eu}'],
  ['CHANNEL SEEK orders.eu $share workers FIRST', 'places:channel:{orders.eu}'],
  ['CHANNEL SEEK orders.eu anna billing LAST SHARD', 'places:schannel:{orders.eu}'],
  ['CHANNEL SEEK orders.* anna billing LAST PATTERN', 'places:pattern:{orders.*}'],
  ['CHANNEL FORGET orders.eu anna billing', 'places:channel:{orders.eu}'],
  ['CHANNEL FORGET orders.eu $share workers', 'places:channel:{orders.eu}'],
  ['CHANNEL FORGET orders.eu anna billing SHARD', 'places:schannel:{orders.eu}'],
  ['channel forget orders.* anna billing pattern', 'places:pattern:{orders.*}'],
]

describe.each(COMMANDS)('%s', (line, key) => {
  const words = line.split(' ')

  test.each([
    ['no right to any key', ''],
    ['the right to read the key', ` %R~${key}`],
    ['the right to write others', ' ~app:* %W~*:{orders.us} %W~other:*'],
  ])('is refused to a user with %s, wherever it is asked for', (_, rules) => {
    const engine = filled()
    const boris = as(engine, 'boris', `+@pubsub +@write +@transaction +eval &orders.*${rules}`)
    const digest = engine.connect().ask('DEBUG', 'DIGEST')
    expect(boris.ask(...words)).toBe(REFUSED)
    boris.ask('MULTI')
    expect(boris.ask(...words)).toBe(REFUSED)
    expect(boris.ask('EXEC')).toMatch(/^-EXECABORT/)
    expect(boris.ask('EVAL', `return redis.call(unpack(ARGV))`, '0', ...words)).toMatch(
      /^-ERR ACL failure in script: No permissions to access a key/,
    )
    expect(engine.connect().ask('ACL', 'DRYRUN', 'boris', ...words)).toMatch(
      /can't access|no permissions|No permissions/i,
    )
    expect(engine.connect().ask('DEBUG', 'DIGEST')).toBe(digest)
  })

  test('runs for a user that may write the key, and for one that may do everything', () => {
    const engine = filled()
    const writer = as(engine, 'boris', `+@pubsub &orders.* %W~${key.replace('*', '\\*')}`)
    expect(writer.ask(...words)).toMatch(/^(:1|\+OK)\r\n$/)
    expect(
      filled()
        .connect()
        .ask(...words),
    ).toMatch(/^(:1|\+OK)\r\n$/)
  })
})

test('a user may move and forget the positions of its own names, without a right to keys', () => {
  const engine = filled()
  const anna = as(engine, 'anna', '+@pubsub &orders.*')
  expect(anna.ask('CHANNEL', 'SEEK', 'orders.eu', 'anna', 'billing', 'FIRST')).toBe('+OK\r\n')
  expect(anna.ask('CHANNEL', 'SEEK', 'orders.*', 'anna', 'billing', 'FIRST', 'PATTERN')).toBe('+OK\r\n')
  expect(anna.ask('CHANNEL', 'FORGET', 'orders.eu', 'anna', 'billing')).toBe(':1\r\n')
  expect(anna.ask('CHANNEL', 'FORGET', 'orders.eu', 'boris', 'billing')).toBe(REFUSED)
})

test('a refusal is logged with the name of the channel', () => {
  const engine = filled()
  as(engine, 'boris', '+@pubsub &orders.*').ask('CHANNEL', 'TRIM', 'orders.eu', 'MAXLEN', '0')
  expect(engine.connect().ask('ACL', 'LOG')).toContain(
    '$6\r\nreason\r\n$3\r\nkey\r\n$7\r\ncontext\r\n$8\r\ntoplevel\r\n$6\r\nobject\r\n$9\r\norders.eu\r\n',
  )
})
