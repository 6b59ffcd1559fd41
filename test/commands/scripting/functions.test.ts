// Functions: kept over a restart, carried between servers.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SocketPeer } from '../../differential/peers.ts'
import { encodeCommand } from '../../differential/program.ts'
import { createEngine } from '../../support/engine.ts'
import { start } from '../../support/journal.ts'
import { MemoryDisk } from '../../support/memory-disk.ts'
import { type RedisServer, redisServerCannotReadOurs, startRedisServer } from '../../support/redis-server.ts'
import { startSaving } from '../../support/saving.ts'

const ADD =
  "#!lua name=math\nredis.register_function('add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)"
const TAKE =
  "#!lua name=math\nredis.register_function('take', function(keys, args) return redis.call('DECRBY', keys[1], args[1]) end)"
const OTHER = "#!lua name=other\nredis.register_function('shout', function(_, args) return string.upper(args[1]) end)"

test('libraries are journaled as they were loaded, functions by what they do', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  client.ask('FUNCTION', 'LOAD', ADD)
  client.ask('FCALL', 'add', 1, 'n', 5)
  client.ask('FCALL', 'add', 1, 'n', 'five')
  client.ask('FUNCTION', 'LOAD', 'REPLACE', TAKE)
  client.ask('FUNCTION', 'LOAD', TAKE)
  client.ask('FUNCTION', 'DELETE', 'math')
  client.ask('FUNCTION', 'DELETE', 'math')
  client.ask('FUNCTION', 'FLUSH')
  expect(journal.take()).toEqual([
    `0 FUNCTION LOAD ${ADD}`,
    '0 INCRBY n 5',
    `0 FUNCTION LOAD REPLACE ${TAKE}`,
    '0 FUNCTION DELETE math',
    '0 FUNCTION FLUSH',
  ])
})

test('a library that cannot be loaded leaves everything as it was', () => {
  const { connect } = createEngine()
  const client = connect()
  client.ask('FUNCTION', 'LOAD', ADD)
  client.ask('FUNCTION', 'LOAD', OTHER)
  const clash = "#!lua name=math\nredis.register_function('shout', function() end)"
  expect(client.ask('FUNCTION', 'LOAD', 'REPLACE', clash)).toBe('-ERR Function shout already exists\r\n')
  expect(client.ask('FUNCTION', 'LOAD', 'REPLACE', '#!lua name=math\nerror()')).toMatch(/^-ERR Error registering/)
  expect(client.ask('FCALL', 'add', 1, 'n', 5)).toBe(':5\r\n')
})

test('a library may not take its time while it is loaded', () => {
  const { connect, clock } = createEngine()
  const client = connect()
  const { monotonic } = clock
  clock.monotonic = () => {
    clock.advance(100)
    return monotonic.call(clock)
  }
  expect(client.ask('FUNCTION', 'LOAD', '#!lua name=slow\nwhile true do end')).toMatch(
    /^-ERR Error registering functions: /,
  )
})

test('functions are there after a restart, what they counted is not', async () => {
  const disk = new MemoryDisk()
  const before = await start(disk)
  const client = before.connect()
  const counter = "#!lua name=counter\nlocal n = 0 redis.register_function('count', function() n = n + 1 return n end)"
  expect(client.ask('FUNCTION', 'LOAD', counter)).toBe('$7\r\ncounter\r\n')
  client.ask('FUNCTION', 'LOAD', OTHER)
  client.ask('FUNCTION', 'DELETE', 'other')
  expect(client.ask('FCALL', 'count', 0)).toBe(':1\r\n')
  expect(client.ask('FCALL', 'count', 0)).toBe(':2\r\n')
  await before.aof.close()

  const after = await start(disk)
  const again = after.connect()
  expect(again.ask('FCALL', 'count', 0)).toBe(':1\r\n')
  expect(again.ask('FCALL', 'shout', 0, 'x')).toBe('-ERR Function not found\r\n')
  await after.aof.close()
})

test.each([
  ['a rewritten log', { appendonly: 'yes' }, 'BGREWRITEAOF'],
  ['a log rewritten as commands', { appendonly: 'yes', 'aof-use-rdb-preamble': 'no' }, 'BGREWRITEAOF'],
  ['a snapshot', {}, 'BGSAVE'],
] as const)('functions come back out of %s', async (_, settings, save) => {
  const before = await startSaving({ settings })
  const client = before.connect()
  // Code may hold any byte; a library that was replaced or deleted is not there again.
  const bytes = `#!lua name=bytes\nredis.register_function('bytes', function() return '\x01\xff\\r\\n' end)`
  for (const code of [ADD, OTHER, bytes]) client.ask('FUNCTION', 'LOAD', code)
  client.ask('FUNCTION', 'LOAD', 'REPLACE', TAKE)
  client.ask('FUNCTION', 'DELETE', 'other')
  client.ask('FCALL', 'take', 1, 'n', 5)
  client.ask(save)
  await before.finish()
  expect(before.warnings).toEqual([])
  await before.saving.close()

  const after = await startSaving({ settings, disk: before.disk })
  const again = after.connect()
  expect([...after.engine.parts.scripts.libraries()].sort()).toEqual([bytes, TAKE].sort())
  expect(again.ask('FCALL', 'bytes', 0)).toBe('$4\r\n\x01\xff\r\n\r\n')
  expect(again.ask('FCALL', 'take', 1, 'n', 5)).toBe(':-10\r\n')
  expect(again.ask('FCALL', 'add', 1, 'n', 5)).toBe('-ERR Function not found\r\n')
  expect(after.warnings).toEqual([])
})

test('FUNCTION RESTORE appends, replaces or begins anew, wholly or not at all', () => {
  const from = createEngine().connect()
  from.ask('FUNCTION', 'LOAD', TAKE)
  from.ask('FUNCTION', 'LOAD', OTHER)
  const payload = bulk(from.ask('FUNCTION', 'DUMP'))

  const { connect, engine } = createEngine()
  const client = connect()
  client.ask('FUNCTION', 'LOAD', ADD)
  expect(client.ask('FUNCTION', 'RESTORE', payload)).toBe('-ERR Library math already exists\r\n')
  expect(engine.parts.scripts.functionCount).toBe(1)
  expect(client.ask('FUNCTION', 'RESTORE', payload, 'REPLACE')).toBe('+OK\r\n')
  expect([...engine.parts.scripts.libraries()]).toEqual([TAKE, OTHER])

  client.ask('FUNCTION', 'FLUSH')
  client.ask('FUNCTION', 'LOAD', "#!lua name=third\nredis.register_function('SHOUT', function() end)")
  expect(client.ask('FUNCTION', 'RESTORE', payload)).toBe('-ERR Function shout already exists\r\n')
  expect(engine.parts.scripts.libraryCount).toBe(1)
  expect(client.ask('FUNCTION', 'RESTORE', payload, 'FLUSH')).toBe('+OK\r\n')
  expect(engine.parts.scripts.libraryCount).toBe(2)
  expect(client.ask('FCALL', 'shout', 0, 'hey')).toBe('$3\r\nHEY\r\n')
})

test('a payload that is damaged anywhere is refused', () => {
  const { connect } = createEngine()
  const client = connect()
  client.ask('FUNCTION', 'LOAD', ADD)
  const payload = bulk(client.ask('FUNCTION', 'DUMP'))
  client.ask('FUNCTION', 'FLUSH')
  for (let i = 0; i < payload.length; i++) {
    const damaged = payload.slice(0, i) + String.fromCharCode(payload.charCodeAt(i) ^ 1) + payload.slice(i + 1)
    expect(client.ask('FUNCTION', 'RESTORE', damaged)).toBe('-ERR DUMP payload version or checksum are wrong\r\n')
  }
  expect(client.ask('FUNCTION', 'RESTORE', payload.slice(0, 9))).toMatch(/^-ERR DUMP/)
})

test('functions that a snapshot holds are loaded through the engine', () => {
  const { engine, connect } = createEngine()
  engine.parts.scripts.loadLibrary(OTHER)
  expect(connect().ask('FCALL', 'shout', 0, 'a')).toBe('$1\r\nA\r\n')
})

describe.skipIf(redisServerCannotReadOurs())('payloads and redis-server', () => {
  let server: RedisServer
  let theirs: SocketPeer

  beforeAll(async () => {
    server = await startRedisServer(['--enable-debug-command', 'yes'])
    theirs = new SocketPeer('redis-server', server.socketPath)
    await theirs.reset(1)
  })

  afterAll(async () => {
    await theirs?.stop()
    await server?.stop()
  })

  async function ask(...words: string[]): Promise<string> {
    theirs.send(
      0,
      encodeCommand(words, () => ''),
    )
    await theirs.settle()
    return theirs.take(0).bytes
  }

  test.each(['yes', 'no'])('it restores ours (compressed: %s), and this server restores its own', async (compress) => {
    const ours = createEngine({ rdbcompression: compress }).connect()
    for (const code of [ADD, OTHER]) ours.ask('FUNCTION', 'LOAD', code)
    expect(await ask('FUNCTION', 'RESTORE', bulk(ours.ask('FUNCTION', 'DUMP')), 'FLUSH')).toBe('+OK\r\n')
    expect(await ask('FCALL', 'shout', '0', 'hey')).toBe('$3\r\nHEY\r\n')

    ours.ask('FUNCTION', 'FLUSH')
    expect(ours.ask('FUNCTION', 'RESTORE', bulk(await ask('FUNCTION', 'DUMP')))).toBe('+OK\r\n')
    expect(ours.ask('FCALL', 'shout', 0, 'hey')).toBe('$3\r\nHEY\r\n')
    expect(ours.ask('FCALL', 'add', 1, 'n', 5)).toBe(':5\r\n')
  })
})

/** The content of a bulk string reply. */
function bulk(reply: string): string {
  return reply.slice(reply.indexOf('\r\n') + 2, -2)
}
