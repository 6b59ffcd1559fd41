// Users, their rules and what these refuse, here and at redis-server.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LATER_COMMANDS, OWN_COMMANDS, SENTINEL_COMMANDS } from '../../scripts/redis-commands.ts'
import { commands } from '../../src/commands/index.ts'
import { ACL_CATEGORIES } from '../../src/engine/spec/acl-categories.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { createEngine } from '../support/engine.ts'
import { redisServerIsOlder, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { seedOf } from '../support/seed.ts'
import { temporaryDirectory } from '../support/server.ts'
import { type Frame, frameText, printable, scanFrames } from './frames.ts'
import { SocketPeer } from './peers.ts'
import { type Command, encodeCommand } from './program.ts'
import { usePeers } from './use-peers.ts'

const NAMES = ['alice', 'bob', 'carol', 'Zed', 'a"quoted\\one', '']
const HASH = 'a'.repeat(64)

/** What rules are drawn from: right ones, and each kind of mistake. */
const RULES = [
  ...['on', 'off', 'ON', 'nopass', 'resetpass', 'reset', 'clearselectors', 'sanitize-payload', 'skip-sanitize-payload'],
  ...['>secret', '>other', '<secret', `#${HASH}`, `!${HASH}`, '#abc', `#${HASH.toUpperCase()}`, '', 'nonsense'],
  ...[
    'allkeys',
    '~*',
    'resetkeys',
    '~k*',
    '~k?',
    '%R~r*',
    '%W~r*',
    '%RW~w',
    '%rw~x*',
    '%~x',
    '%RR~x',
    '%R',
    '~a b',
    '%R~*',
  ],
  ...['allchannels', '&*', 'resetchannels', '&news.*', '&news.*', '&n[ae]ws', '&a b'],
  ...[
    'allcommands',
    'nocommands',
    '+@all',
    '-@all',
    '+@read',
    '-@write',
    '+@string',
    '-@dangerous',
    '+@SLOW',
    '+@none',
  ],
  ...['+get', '-get', '+GET', '+set', '+mget', '+config', '-config', '+config|get', '-config|set', '+config|none'],
  ...[
    '+config|get|x',
    '+select|0',
    '+select|1',
    '+SELECT|A',
    '-select|0',
    '-select',
    '+debug|object',
    '+none',
    '-none',
  ],
  ...['+client|', '+|x', '+', '-', '+@', '+publish', '+subscribe', '+psubscribe', '+eval', '+sort', '+multi', '+exec'],
  ...[
    '(+get ~s*)',
    '(+@write %W~w*)',
    '(+set ~a',
    '+mget ~b)',
    '(on)',
    '()',
    '(~* &* +@all)',
    '(+none)',
    '("+get" ~q)',
    '(a',
  ],
]

/** Arguments in which some commands find keys, and others what they take for a mistake. */
const KEY_WORDS: Command[] = [
  [],
  ['a'],
  ['a', 'b'],
  ['a', 'b', 'c'],
  ['a', '2', 'b', 'c', 'd'],
  ['2', 'a', 'b', 'c', 'd'],
  ['a', 'b', '1', 'c', 'd', 'e'],
  ['0', '2', 'a', 'b', 'c', 'd'],
  ['a', '1', '2', '3', 'm', 'STORE', 'b', 'STOREDIST', 'c'],
  ['a', '0', '1', 'BY', 'b', 'GET', 'c', 'STORE', 'd', 'GET', 'STORE'],
  ['COUNT', '1', 'STREAMS', 'a', 'b', '0', '0'],
  ['GROUP', 'g', 'c', 'STREAMS', 'a', 'b', '0', '0'],
  ['a', 'b', 'GET'],
  ['a', 'SET', 'u8', '0', '1'],
]

const REQUESTS: Command[] = [
  ['GET', 'k1'],
  ['GET', 'r1'],
  ['GET', 's1'],
  ['SET', 'k1', 'v'],
  ['SET', 'r1', 'v', 'GET'],
  ['SET', 'w1', 'v'],
  ['MGET', 'k1', 'r1', 's2'],
  ['MSET', 'k1', 'v', 'x1', 'v'],
  ['DEL', 'r1'],
  ['EXISTS', 'r1'],
  ['STRLEN', 'w'],
  ['LMOVE', 'k1', 'r1', 'left', 'left'],
  ['COPY', 'r1', 'k2'],
  ['ZUNIONSTORE', 'k1', '2', 'r1', 'w'],
  ['XREAD', 'STREAMS', 'k1', 'r1', '0', '0'],
  ['SORT', 'k1', 'BY', 'w*', 'GET', '#', 'STORE', 'r1'],
  ['SORT_RO', 'k1'],
  ['BITFIELD', 'r1', 'GET', 'u8', '0'],
  ['EVAL', 'return 1', '1', 'k1'],
  ['EVAL', 'return 1', '+1', 'z1'],
  ['CONFIG', 'GET', 'maxmemory'],
  ['CONFIG', 'NONE'],
  ['SELECT', '0'],
  ['SELECT', 'a'],
  ['SELECT', '1'],
  ['DEBUG', 'OBJECT', 'k1'],
  ['PING'],
  ['AUTH', 'x', 'y'],
  ['PUBLISH', 'news.x', 'm'],
  ['SPUBLISH', 'naws', 'm'],
  ['SUBSCRIBE', 'news.x', 'naws', 'other'],
  ['PSUBSCRIBE', 'news.*'],
  ['PSUBSCRIBE', 'news.x'],
  ['SSUBSCRIBE', 'naws'],
  ['UNSUBSCRIBE', 'other'],
  ['FLUSHALL'],
  ['NONE'],
  ['GET'],
]

describe.skipIf(redisServerMissing() || redisServerIsOlder())('users, here and at redis-server', () => {
  const peers = usePeers()

  /** Begins anew: `connections` connections, no users, nothing logged. */
  async function reset(connections = 1): Promise<void> {
    for (const peer of [peers.ours, peers.theirs]) {
      await peer.reset(connections)
      for (const words of [
        ['ACL', 'DELUSER', ...NAMES],
        ['ACL', 'LOG', 'RESET'],
        ['CONFIG', 'RESETSTAT'],
        ['CONFIG', 'SET', 'acl-pubsub-default', 'resetchannels'],
        ['ACL', 'SETUSER', 'default', 'reset', '+@all', 'allkeys', 'allchannels', 'on', 'nopass'],
      ]) {
        peer.send(
          0,
          encodeCommand(words, () => ''),
        )
        await peer.settle()
        peer.take(0)
      }
    }
  }

  /** What each side makes of a command: all that every one of `connections` is told, and who is disconnected. */
  async function both(connection: number, words: Command, heard = [connection]): Promise<[string, string]> {
    const told: string[] = []
    for (const peer of [peers.ours, peers.theirs]) {
      peer.send(
        connection,
        encodeCommand(words, () => ''),
      )
      await peer.settle()
      told.push(heard.map((each) => JSON.stringify(peer.take(each))).join(' '))
    }
    return told as [string, string]
  }

  async function expectSame(connection: number, ...words: Command): Promise<void> {
    const [ours, theirs] = await both(connection, words)
    const asked = printable(words.join(' '))
    expect(`${asked}: ${ours}`).toBe(`${asked}: ${theirs}`)
  }

  async function expectSameLists(): Promise<void> {
    await expectSame(0, 'ACL', 'LIST')
    await expectSame(0, 'ACL', 'USERS')
  }

  test('ACL CAT names the same commands in each category', async () => {
    await reset()
    await expectSame(0, 'ACL', 'CAT')
    for (const category of ACL_CATEGORIES) {
      const [ours, theirs] = await both(0, ['ACL', 'CAT', category])
      const names = (reply: string): string[] =>
        scanFrames(JSON.parse(reply).bytes).frames[0]!.children.map(frameText).filter(isKnown).sort()
      expect([category, names(ours)]).toEqual([category, names(theirs)])
    }
    await expectSame(0, 'ACL', 'CAT', 'all')
    await expectSame(0, 'ACL', 'CAT', 'x\r\ny')
    await expectSame(0, 'ACL', 'CAT', 'a', 'b')
  })

  test('the keys of every command, and what happens to them, are the same', async () => {
    await reset()
    for (const { name, subcommands } of commands) {
      if (!isKnown(name) || subcommands !== undefined) continue
      for (const words of KEY_WORDS) {
        await expectSame(0, 'COMMAND', 'GETKEYSANDFLAGS', ...name.split('|'), ...words)
      }
    }
  })

  test('rules by chance: replies, ACL LIST, ACL GETUSER and ACL DRYRUN are the same', async () => {
    const seed = seedOf('ACL_SEED')
    const random = new Random(seed)
    const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!
    try {
      for (let episode = 0; episode < 4; episode++) {
        await reset()
        await expectSame(0, 'CONFIG', 'SET', 'acl-pubsub-default', pick(['resetchannels', 'allchannels']))
        for (let step = 0; step < 40; step++) {
          const name = pick(NAMES)
          await expectSame(0, 'ACL', 'SETUSER', name, ...Array.from({ length: random.below(6) }, () => pick(RULES)))
          await expectSame(0, 'ACL', 'GETUSER', name)
          for (let i = 0; i < 6; i++) await expectSame(0, 'ACL', 'DRYRUN', pick(NAMES), ...pick(REQUESTS))
          if (step % 8 === 0) await expectSameLists()
        }
        await expectSameLists()
      }
    } catch (error) {
      throw new Error(`ACL_SEED=${seed}`, { cause: error })
    }
  })

  test('a restricted user gets the same refusals, and ACL LOG and INFO show them alike', async () => {
    await reset(2)
    await expectSame(
      0,
      'ACL',
      'SETUSER',
      'alice',
      'on',
      '>secret',
      '~k*',
      '%R~r*',
      '&news.*',
      '+@all',
      '-@dangerous',
      '-mget',
    )
    await expectSame(1, 'AUTH', 'alice', 'wrong')
    await expectSame(1, 'auth', 'nobody', 'wrong')
    await expectSame(1, 'AUTH', 'wrong')
    await expectSame(1, 'HELLO', '2', 'AUTH', 'alice', 'wrong')
    await expectSame(1, 'AUTH', 'alice', 'secret')
    await expectSame(1, 'ACL', 'WHOAMI')
    for (const request of REQUESTS) {
      if (/SUBSCRIBE/.test(String(request[0]))) continue
      await expectSame(1, ...request)
    }
    await expectSame(1, 'EVAL', "return redis.call('GET', KEYS[1])", '1', 'k1')
    await expectSame(1, 'EVAL', "return redis.call('GET', 'x1')", '1', 'k1')
    await expectSame(1, 'EVAL', "return redis.pcall('MGET', 'k1')", '0')
    await expectSame(1, 'EVAL', "return redis.pcall('PUBLISH', 'other', 'm')", '0')
    await expectSame(
      1,
      'EVAL',
      "return {redis.acl_check_cmd('get', 'k1') and 1 or 0, redis.acl_check_cmd('get', 'x') and 1 or 0}",
      '0',
    )
    await expectSame(1, 'EVAL', "return redis.acl_check_cmd('none')", '0')
    for (const words of [
      ['MULTI'],
      ['GET', 'x1'],
      ['SET', 'k1', 'v'],
      ['EXEC'],
      ['MULTI'],
      ['SET', 'k1', 'v'],
      ['GET', 'r1'],
      ['PUBLISH', 'news.1', 'm'],
    ]) {
      await expectSame(1, ...words)
    }
    await expectSame(0, 'ACL', 'SETUSER', 'alice', 'resetkeys', '~k1', 'resetchannels', '-get')
    await expectSame(1, 'EXEC')
    for (const peer of [peers.ours, peers.theirs])
      peer.send(
        1,
        encodeCommand(['SUBSCRIBE', 'other'], () => ''),
      )
    await expectSame(1, 'PING')
    await expectSameLog('100')
    await expectSameLog('2')
    await expectSame(0, 'ACL', 'LOG', '0')
    await expectSame(0, 'ACL', 'LOG', '-1')
    await expectSame(0, 'ACL', 'LOG', 'x')
    const [ours, theirs] = await both(0, ['INFO', 'stats', 'errorstats'])
    const counted = (info: string): string[] =>
      [...info.matchAll(/(acl_access_denied_\w+:\d+|errorstat_(?:NOPERM|WRONGPASS)[^\\]*)/g)].map(([text]) => text)
    expect(counted(ours)).toEqual(counted(theirs))
    await expectSame(0, 'ACL', 'LOG', 'reset')
    await expectSameLog('100')
  })

  async function expectSameLog(count: string): Promise<void> {
    const [ours, theirs] = await both(0, ['ACL', 'LOG', count])
    expect(logged(ours)).toEqual(logged(theirs))
  }

  test('SORT reads other keys only for those who may read them all', async () => {
    await reset(2)
    await expectSame(0, 'ACL', 'SETUSER', 'alice', 'on', 'nopass', '+@all', '~k*')
    await expectSame(0, 'ACL', 'SETUSER', 'bob', 'on', 'nopass', '+sort', '%R~*', '%W~k*')
    for (const name of ['alice', 'bob']) {
      await expectSame(1, 'AUTH', name, 'x')
      await expectSame(1, 'SORT', 'k1', 'BY', 'w*')
      await expectSame(1, 'SORT', 'k1', 'BY', 'nosort', 'GET', '#')
      await expectSame(1, 'SORT', 'k1', 'BY', 'nosort', 'STORE', 'k2')
      await expectSame(1, 'SORT', 'k1', 'BY', 'nosort', 'STORE', 'x')
    }
  })

  test('a user that is removed, or loses channels, is disconnected; a parked client is refused when it is served', async () => {
    await reset(4)
    const rules = ['on', 'nopass', 'allkeys', 'allchannels', '+@all']
    await expectSame(0, 'ACL', 'SETUSER', 'alice', ...rules)
    await expectSame(0, 'ACL', 'SETUSER', 'bob', ...rules)
    await expectSame(1, 'AUTH', 'alice', 'x')
    await expectSame(2, 'AUTH', 'alice', 'x')
    await expectSame(3, 'AUTH', 'bob', 'x')
    await expectSame(1, 'SUBSCRIBE', 'news.1')
    await expectSame(2, 'PSUBSCRIBE', 'news.*')
    await expectSame(3, 'BLPOP', 'list', '0')
    const everybody = [0, 1, 2, 3]
    const expectAll = async (...words: Command): Promise<void> => {
      const [ours, theirs] = await both(0, words, everybody)
      expect(`${words.join(' ')}: ${ours}`).toBe(`${words.join(' ')}: ${theirs}`)
    }
    await expectAll('ACL', 'SETUSER', 'alice', 'resetchannels', '&news.?')
    await expectAll('PUBLISH', 'news.1', 'm')
    await expectAll('ACL', 'SETUSER', 'bob', 'resetkeys')
    await expectAll('RPUSH', 'list', 'a')
    await expectAll('LLEN', 'list')
    await expectAll('CLIENT', 'KILL', 'USER', 'nobody')
    await expectAll('CLIENT', 'KILL', 'USER', 'bob')
    await expectAll('ACL', 'DELUSER', 'default')
    await expectAll('ACL', 'DELUSER', 'alice', 'bob', 'carol')
  })

  test('a user that removes itself gets its reply before it is disconnected; RESET makes any client the default user', async () => {
    await reset(3)
    for (const name of ['alice', 'bob']) await expectSame(0, 'ACL', 'SETUSER', name, 'on', 'nopass', '+@all')
    await expectSame(1, 'AUTH', 'alice', 'x')
    await expectSame(1, 'ACL', 'DELUSER', 'alice')
    await expectSame(2, 'AUTH', 'bob', 'x')
    await expectSame(2, 'GET', 'k')
    await expectSame(2, 'RESET')
    await expectSame(2, 'ACL', 'WHOAMI')
    await expectSame(2, 'GET', 'k')
  })

  test('subcommands are refused what they do not take', async () => {
    await reset()
    for (const words of [
      ['ACL'],
      ['ACL', 'NONE'],
      ['ACL', 'SETUSER'],
      ['ACL', 'SETUSER', 'a b'],
      ['ACL', 'SETUSER', 'a\0b'],
      ['ACL', 'GETUSER', 'nobody'],
      ['ACL', 'LOAD'],
      ['ACL', 'SAVE'],
      ['ACL', 'GENPASS', '0'],
      ['ACL', 'GENPASS', '4097'],
      ['ACL', 'GENPASS', 'x'],
      ['ACL', 'GENPASS', '1', '2'],
      ['ACL', 'LOG', '1', '2'],
      ['ACL', 'DRYRUN', 'nobody', 'GET', 'k'],
      ['ACL', 'DRYRUN', 'default', 'none'],
      ['ACL', 'DRYRUN', 'default', 'get'],
      ['ACL', 'DRYRUN', 'default', 'get', 'k'],
      ['ACL', 'WHOAMI', 'x'],
    ]) {
      await expectSame(0, ...words)
    }
    for (const bits of ['1', '5', '8', '4096']) {
      const [ours, theirs] = await both(0, ['ACL', 'GENPASS', bits])
      expect(ours.length).toBe(theirs.length)
    }
    // It tells the connection's id.
    await both(0, ['HELLO', '3'])
    await expectSame(0, 'ACL', 'SETUSER', 'alice', '(+get ~k)', '>secret', '%R~x')
    await expectSame(0, 'ACL', 'GETUSER', 'alice')
  })
})

const FILES = [
  'user alice on nopass ~k* +get\n\n  user default on nopass ~* &* +@all\r\n',
  'user alice on >secret (~s* +set) (~a\tb +get)\nuser bob\n',
  'user carol on  nopass   ~* +@all -config|set +select|0 skip-sanitize-payload\n',
  '# a comment\nuser\nuser a on\nuser a off\nuser b +none -@none ~a on nonsense %x #12\nadmin x\nuser c allkeys ~k\n',
  '',
]

describe.skipIf(redisServerMissing() || redisServerIsOlder())('the ACL file, here and at redis-server', () => {
  test('ACL LOAD takes the same users, and says the same of mistakes; ACL SAVE writes the same file', async () => {
    const file = join(temporaryDirectory(), 'users.acl')
    writeFileSync(file, 'user default on nopass ~* &* +@all\n')
    const server = await startRedisServer(['--aclfile', file])
    const theirs = new SocketPeer('redis-server', server.socketPath)
    try {
      await theirs.reset(1)
      const ours = createEngine({ aclfile: file }).connect()
      const expectSame = async (...words: Command): Promise<void> => {
        const request = encodeCommand(words, () => '')
        theirs.send(0, request)
        await theirs.settle()
        expect(ours.sendRaw(request)).toBe(theirs.take(0).bytes)
      }
      for (const text of FILES) {
        writeFileSync(file, text)
        await expectSame('ACL', 'LOAD')
        await expectSame('ACL', 'LIST')
        theirs.send(
          0,
          encodeCommand(['ACL', 'SAVE'], () => ''),
        )
        await theirs.settle()
        theirs.take(0)
        const saved = readFileSync(file, 'latin1')
        expect(ours.ask('ACL', 'SAVE')).toBe('+OK\r\n')
        expect(readFileSync(file, 'latin1')).toBe(saved)
      }
      rmSync(file)
      await expectSame('ACL', 'LOAD')
    } finally {
      await theirs.stop()
      await server.stop()
    }
  })
})

/** Commands that only one of the two has are no difference of categories. */
const LATER = new Set([...LATER_COMMANDS, ...SENTINEL_COMMANDS, ...OWN_COMMANDS])
function isKnown(name: string): boolean {
  return KNOWN.has(name)
}
const KNOWN = new Set(commands.filter(({ spec }) => !LATER.has(spec.name)).map(({ name }) => name))

/** The entries of ACL LOG, without what differs by time and place. */
function logged(reply: string): unknown[] {
  const entries = scanFrames((JSON.parse(reply) as { bytes: string }).bytes).frames[0]!.children
  const first = entries.length === 0 ? 0 : Math.max(...entries.map((entry) => Number(field(entry, 'entry-id'))))
  return entries.map((entry) => ({
    ...Object.fromEntries(
      ['count', 'reason', 'context', 'object', 'username'].map((name) => [name, field(entry, name)]),
    ),
    before: first - Number(field(entry, 'entry-id')),
  }))
}

function field(entry: Frame, name: string): string {
  const index = entry.children.findIndex((child, i) => i % 2 === 0 && frameText(child) === name)
  return frameText(entry.children[index + 1]!)
}
