// A server with replicas that the test writes by hand.

import { describe, expect, test } from 'vitest'
import { BackgroundSaving } from '../../src/persistence/snapshot/background-saving.ts'
import { loadSnapshot } from '../../src/persistence/snapshot/load-snapshot.ts'
import { createEngine, encode, TestClient, type TestEngine, withoutJournal } from '../support/engine.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { type SavingOptions, startSaving } from '../support/saving.ts'
import { eventually } from '../support/server.ts'

/** A time when every key of a test has expired. */
const LATER_MS = Date.UTC(2100, 0, 1)

interface TestPrimary extends TestEngine {
  /** Connects, tells its capabilities, and asks for everything. */
  follow(...words: (string | number)[][]): TestClient
}

function createPrimary(settings: Parameters<typeof createEngine>[0] = {}): TestPrimary {
  const primary = createEngine({ 'repl-diskless-sync-delay': '0', ...settings })
  withoutJournal(primary)
  const { engine } = primary
  const saving = new BackgroundSaving(engine, { disk: new MemoryDisk() })
  engine.parts.replication.begin(saving)
  return {
    ...primary,
    follow(...words) {
      const replica = new TestClient(engine, 2)
      replica.ask('REPLCONF', 'listening-port', '7000', 'capa', 'eof', 'capa', 'psync2')
      for (const request of words) replica.ask(...request)
      return replica
    },
  }
}

/** Reads up to the end of the snapshot; returns id and offset. */
async function takeSnapshot(replica: TestClient): Promise<{ id: string; offset: number; rdb: string }> {
  let text = ''
  const found = await eventually(() => {
    text += replica.received()
    return /^\n*\+FULLRESYNC ([0-9a-f]{40}) (\d+)\r\n\n*\$EOF:(.{40})\r\n([\s\S]*)\3$/.exec(text)
  })
  return { id: found[1]!, offset: Number(found[2]), rdb: found[4]! }
}

const SELECT_0 = encode(['SELECT', '0'])

describe('PSYNC', () => {
  test('sends everything, and after the first acknowledgement the effects since the snapshot', async () => {
    const primary = createPrimary()
    const client = primary.connect()
    client.ask('SET', 'before', 'x')
    const replica = primary.follow(['PSYNC', '?', '-1'])
    const { id, offset, rdb } = await takeSnapshot(replica)
    expect(rdb).toContain('before')
    expect(id).toBe(primary.engine.effects.history.id)
    client.ask('SET', 'after', 'x')
    expect(replica.received()).toBe('')
    const stream = SELECT_0 + encode(['SET', 'after', 'x'])
    expect(replica.ask('REPLCONF', 'ACK', offset)).toBe(stream)
    expect(client.ask('ROLE')).toBe(
      `*3\r\n$6\r\nmaster\r\n:${stream.length}\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$4\r\n7000\r\n$1\r\n0\r\n`,
    )
    primary.engine.stop()
  })

  test('continues at any byte of the backlog, but not before or beyond it', async () => {
    const primary = createPrimary()
    const client = primary.connect()
    const first = primary.follow(['PSYNC', '?', '-1'])
    const { id } = await takeSnapshot(first)
    client.ask('SET', 'key', 'value')
    client.ask('SELECT', '5')
    client.sendRaw(encode(['MULTI']) + encode(['INCR', 'n']) + encode(['LPUSH', 'l', 'a', 'b']) + encode(['EXEC']))
    client.ask('EVAL', "redis.call('SET', 'a', 1) redis.call('SET', 'b', 2)", '0')
    const all =
      SELECT_0 +
      encode(['SET', 'key', 'value']) +
      encode(['MULTI']) +
      encode(['SELECT', '5']) +
      encode(['INCR', 'n']) +
      encode(['LPUSH', 'l', 'a', 'b']) +
      encode(['EXEC']) +
      encode(['MULTI']) +
      encode(['SET', 'a', '1']) +
      encode(['SET', 'b', '2']) +
      encode(['EXEC'])
    expect(primary.engine.effects.history.offset).toBe(all.length)
    for (let offset = 1; offset <= all.length + 1; offset++) {
      const replica = primary.follow()
      expect(replica.ask('PSYNC', id, offset)).toBe(`+CONTINUE ${id}\r\n${all.slice(offset - 1)}`)
      replica.disconnect()
    }
    for (const offset of [0, all.length + 2, -5]) {
      expect(primary.follow(['PSYNC', id, offset]).received()).not.toContain('CONTINUE')
    }
    expect(client.ask('INFO', 'stats')).toMatch(/sync_full:4\r\nsync_partial_ok:\d+\r\nsync_partial_err:3\r\n/)
    primary.engine.stop()
  })

  test('knows the history before a promotion, up to where it ended', async () => {
    const primary = createPrimary()
    const { history } = primary.engine.effects
    history.found = { id: 'a'.repeat(40), offset: 100, database: 0 }
    primary.engine.parts.replication.begin(new BackgroundSaving(primary.engine, { disk: new MemoryDisk() }))
    expect(primary.follow().ask('PSYNC', 'a'.repeat(40), 101)).toBe(`+CONTINUE ${history.id}\r\n`)
    expect(primary.follow(['PSYNC', 'a'.repeat(40), 102]).received()).not.toContain('CONTINUE')
    expect(primary.follow(['PSYNC', 'b'.repeat(40), 101]).received()).not.toContain('CONTINUE')
    primary.engine.stop()
  })

  test('is refused while replies are pending, and with a filter that needs another format', () => {
    const primary = createPrimary()
    expect(primary.connect().sendRaw('PING\r\nPSYNC ? -1\r\n')).toBe(
      '+PONG\r\n-ERR SYNC and PSYNC are invalid with pending output\r\n',
    )
    const client = primary.connect()
    client.ask('REPLCONF', 'rdb-filter-only', 'functions')
    expect(client.ask('PSYNC', '?', '-1')).toBe('-ERR Filtered replica requires EOF capability\r\n')
    primary.engine.stop()
  })

  test('serves all waiting replicas with one snapshot', async () => {
    const primary = createPrimary()
    primary.connect().ask('SET', 'k', 'v')
    const replicas = [1, 2, 3].map(() => primary.follow(['PSYNC', '?', '-1']))
    const snapshots = await Promise.all(replicas.map(takeSnapshot))
    expect(new Set(snapshots.map(({ rdb }) => rdb)).size).toBe(1)
    primary.engine.stop()
  })
})

describe('REPLCONF', () => {
  test.each([
    [['REPLCONF', 'x'], '-ERR syntax error\r\n'],
    [['REPLCONF', 'foo', 'bar'], '-ERR Unrecognized REPLCONF option: foo\r\n'],
    [['REPLCONF', 'listening-port', 'x'], '-ERR value is not an integer or out of range\r\n'],
    [['REPLCONF', 'capa', 'anything'], '+OK\r\n'],
    [['REPLCONF', 'rdb-only', '2'], '-ERR value is out of range, value must between 0 and 1\r\n'],
    [['REPLCONF', 'rdb-filter-only', 'functions'], '+OK\r\n'],
    [['REPLCONF', 'rdb-filter-only', 'data'], '-ERR Unsupported rdb-filter-only option: data\r\n'],
    [['REPLCONF', 'rdb-filter-only', '"a'], '-ERR Missing rdb-filter-only values\r\n'],
    [['REPLCONF', 'ACK', '1'], ''],
  ])('%j', (request, reply) => {
    const { connect, engine } = createPrimary()
    expect(connect().ask(...request)).toBe(reply)
    engine.stop()
  })
})

describe('a replica', () => {
  test('that sends a command with a reply is disconnected: the reply would be read as part of the stream', async () => {
    const primary = createPrimary()
    const replica = primary.follow(['PSYNC', '?', '-1'])
    await takeSnapshot(replica)
    expect(replica.ask('PING')).toBe('')
    expect(replica.closed).toBe('now')
    primary.engine.stop()
  })

  test('that never reads is disconnected at its limit, and the backlog shrinks again', async () => {
    const primary = createPrimary({
      'client-output-buffer-limit': 'replica 400000 0 0',
      'repl-backlog-size': '16384',
    })
    const replica = primary.follow(['PSYNC', '?', '-1'])
    await takeSnapshot(replica)
    // It has the snapshot but never acknowledges it.
    const client = primary.connect()
    const { replicas } = primary.engine.parts.replication
    for (let i = 0; i < 45; i++) client.ask('SET', 'k', 'x'.repeat(10_000))
    expect(replica.closed).toBe('now')
    expect(client.ask('CLIENT', 'LIST', 'TYPE', 'replica')).toBe('$0\r\n\r\n')
    client.ask('SET', 'k', 'x'.repeat(100_000))
    expect(replicas.memoryBytes).toBeLessThan(400_000)
    primary.engine.stop()
  })

  test('that is silent for repl-timeout seconds is disconnected; until then it is pinged', async () => {
    const primary = createPrimary({ 'repl-timeout': '5', 'repl-ping-replica-period': '2' })
    const replica = primary.follow(['PSYNC', '?', '-1'])
    await takeSnapshot(replica)
    replica.ask('REPLCONF', 'ACK', '0')
    primary.clock.advance(4000)
    expect(replica.received()).toBe(encode(['PING']).repeat(2))
    primary.clock.advance(4000)
    expect(replica.closed).toBe('now')
    primary.engine.stop()
  })

  test('that wants only a snapshot is disconnected after it; unwanted contents are left out', async () => {
    const primary = createPrimary()
    primary.connect().ask('SET', 'key', 'x')
    primary.connect().ask('FUNCTION', 'LOAD', "#!lua name=lib\nredis.register_function('f', function() end)")
    const replica = primary.follow(['REPLCONF', 'rdb-only', '1', 'rdb-filter-only', 'functions'], ['PSYNC', '?', '-1'])
    const { rdb } = await takeSnapshot(replica)
    expect(rdb).toContain('register_function')
    expect(rdb).not.toContain('key')
    expect(replica.closed).toBe('flushed')
    primary.engine.stop()
  })

  test('is shown in INFO and CLIENT LIST', async () => {
    const primary = createPrimary({ 'min-replicas-to-write': '1' })
    const client = primary.connect()
    const replica = primary.follow(['PSYNC', '?', '-1'])
    expect(client.ask('INFO', 'replication')).toContain(
      'connected_slaves:1\r\nmin_slaves_good_slaves:0\r\nslave0:ip=127.0.0.1,port=7000,state=wait_bgsave,offset=0,lag=0\r\n',
    )
    await takeSnapshot(replica)
    replica.ask('REPLCONF', 'ACK', '0')
    primary.clock.advance(500)
    expect(client.ask('INFO', 'replication')).toContain(
      'min_slaves_good_slaves:1\r\nslave0:ip=127.0.0.1,port=7000,state=online,offset=0,lag=',
    )
    expect(client.ask('CLIENT', 'LIST', 'TYPE', 'replica')).toMatch(/ flags=S .* cmd=replconf /)
    primary.engine.stop()
  })
})

describe('writes', () => {
  test('are refused while fewer good replicas than min-replicas-to-write are connected, also in scripts', async () => {
    const primary = createPrimary({ 'min-replicas-to-write': '1', 'min-replicas-max-lag': '3' })
    const client = primary.connect()
    const refusal = '-NOREPLICAS Not enough good replicas to write.\r\n'
    expect(client.ask('SET', 'k', 'v')).toBe(refusal)
    expect(client.ask('EVAL', "#!lua\nreturn redis.call('SET', 'k', 'v')", '0')).toBe(refusal)
    expect(client.ask('EVAL', "#!lua flags=no-writes\nreturn redis.call('GET', 'k')", '0')).toBe('$-1\r\n')
    expect(client.ask('GET', 'k')).toBe('$-1\r\n')
    const replica = primary.follow(['PSYNC', '?', '-1'])
    await takeSnapshot(replica)
    replica.ask('REPLCONF', 'ACK', '0')
    expect(client.ask('SET', 'k', 'v')).toBe('+OK\r\n')
    primary.clock.advance(5000)
    expect(client.ask('SET', 'k', 'v')).toBe(refusal)
    replica.ask('REPLCONF', 'ACK', '10')
    expect(client.ask('SET', 'k', 'v')).toBe('+OK\r\n')
    primary.engine.stop()
  })

  test('are awaited until replicas acknowledge them', async () => {
    const primary = createPrimary()
    const replica = primary.follow(['PSYNC', '?', '-1'])
    await takeSnapshot(replica)
    replica.ask('REPLCONF', 'ACK', '0')
    const client = primary.connect()
    expect(client.ask('WAIT', '0', '0')).toBe(':1\r\n')
    client.ask('SET', 'k', 'v')
    const { offset } = primary.engine.effects.history
    expect(client.ask('WAIT', '1', '0')).toBe('')
    expect(replica.received()).toBe(SELECT_0 + encode(['SET', 'k', 'v']) + encode(['REPLCONF', 'GETACK', '*']))
    replica.ask('REPLCONF', 'ACK', offset - 1)
    expect(client.received()).toBe('')
    replica.ask('REPLCONF', 'ACK', offset, 'FACK', offset - 1)
    expect(client.received()).toBe(':1\r\n')
    expect(client.ask('WAITAOF', '0', '1', '0')).toBe('')
    replica.ask('REPLCONF', 'ACK', offset, 'FACK', offset)
    expect(client.received()).toBe('*2\r\n:0\r\n:1\r\n')
    expect(client.ask('WAIT', '2', '10')).toBe('')
    primary.clock.advance(10)
    expect(client.received()).toBe(':1\r\n')
    primary.engine.stop()
  })

  test('reach replicas behind the journal, not before it', async () => {
    const primary = createPrimary()
    const { engine, journal } = primary
    const replica = primary.follow(['PSYNC', '?', '-1'])
    await takeSnapshot(replica)
    replica.ask('REPLCONF', 'ACK', '0')
    engine.effects.propagation.add(journal)
    engine.effects.durability.follow(journal)
    journal.waits = true
    primary.connect().ask('SET', 'k', 'v')
    expect(replica.received()).toBe('')
    journal.progress()
    expect(replica.received()).toBe(SELECT_0 + encode(['SET', 'k', 'v']))
    engine.stop()
  })
})

describe('the backlog', () => {
  test('is dropped when there were no replicas for repl-backlog-ttl seconds, and the id with it', async () => {
    const primary = createPrimary({ 'repl-backlog-ttl': '10' })
    const { engine } = primary
    const replica = primary.follow(['PSYNC', '?', '-1'])
    const { id } = await takeSnapshot(replica)
    replica.disconnect()
    primary.clock.advance(9000)
    expect(engine.effects.history.id).toBe(id)
    expect(engine.effects.propagation.on).toBe(true)
    primary.clock.advance(3000)
    expect(engine.effects.history.id).not.toBe(id)
    expect(engine.effects.propagation.on).toBe(false)
    expect(primary.connect().ask('INFO', 'replication')).toContain('repl_backlog_active:0')
    primary.engine.stop()
  })

  test('passes on the stream of a primary byte for byte', () => {
    const primary = createPrimary()
    const { engine } = primary
    const { replicas } = engine.parts.replication
    engine.effects.history.adopt('c'.repeat(40), 1000)
    replicas.passOn()
    replicas.begin()
    replicas.take(Buffer.from('thing'))
    engine.effects.history.offset += 5
    expect(primary.follow().ask('PSYNC', 'c'.repeat(40), 1001)).toBe(`+CONTINUE ${'c'.repeat(40)}\r\nthing`)
    engine.stop()
  })
})

describe('FAILOVER', () => {
  /** A primary and a replica that has everything. */
  async function createPair(): Promise<{ primary: TestPrimary; replica: TestClient; client: TestClient }> {
    const primary = createPrimary()
    const replica = primary.follow(['PSYNC', '?', '-1'])
    await takeSnapshot(replica)
    replica.ask('REPLCONF', 'ACK', 0)
    const client = primary.connect()
    client.ask('SET', 'k', 'v')
    return { primary, replica, client }
  }

  const state = (client: TestClient): string | undefined =>
    /master_failover_state:(\S+)/.exec(client.ask('INFO', 'replication'))?.[1]

  test('refuses in Redis’s words', async () => {
    const { connect, engine } = createEngine()
    const alone = connect()
    const refusals = (client: TestClient, all: readonly (readonly [string, string])[]): void => {
      for (const [request, reply] of all)
        expect([request, client.ask(...request.split(' '))]).toEqual([request, `-${reply}\r\n`])
    }
    const noReplicas = 'ERR FAILOVER requires connected replicas.'
    const notInteger = 'ERR value is not an integer or out of range'
    refusals(alone, [
      ['FAILOVER', noReplicas],
      ['FAILOVER TO', 'ERR syntax error'],
      ['FAILOVER TO 127.0.0.1', 'ERR syntax error'],
      ['FAILOVER TO 127.0.0.1 99999', noReplicas],
      ['FAILOVER TO 127.0.0.1 x', notInteger],
      ['FAILOVER TO 127.0.0.1 1 TO 127.0.0.1 2', 'ERR syntax error'],
      ['FAILOVER ABORT', 'ERR No failover in progress.'],
      ['FAILOVER ABORT ABORT', 'ERR syntax error'],
      ['FAILOVER ABORT TIMEOUT 4', 'ERR syntax error'],
      ['FAILOVER FORCE', noReplicas],
      ['FAILOVER TIMEOUT', 'ERR syntax error'],
      ['FAILOVER TIMEOUT 0', 'ERR FAILOVER timeout must be greater than 0'],
      ['FAILOVER TIMEOUT -1', 'ERR FAILOVER timeout must be greater than 0'],
      ['FAILOVER TIMEOUT 99999999999999999999', notInteger],
      ['FAILOVER TIMEOUT 10 TIMEOUT 10', 'ERR syntax error'],
      ['FAILOVER TIMEOUT 10 TO 127.0.0.1 1 FORCE', noReplicas],
      ['FAILOVER BOGUS', 'ERR syntax error'],
      ['PSYNC a 1 FAILOVER', "ERR PSYNC FAILOVER can't be sent to a master."],
    ])
    engine.stop()
    const { primary, client, replica } = await createPair()
    refusals(client, [
      ['FAILOVER FORCE', 'ERR FAILOVER with force option requires both a timeout and target HOST and IP.'],
      ['FAILOVER TO 127.0.0.1 7001', 'ERR FAILOVER target HOST and PORT is not a replica.'],
    ])
    const waiting = primary.follow(['REPLCONF', 'listening-port', '7001'])
    primary.engine.config.set('repl-diskless-sync-delay', '5')
    waiting.ask('PSYNC', '?', '-1')
    refusals(client, [['FAILOVER TO 127.0.0.1 7001', 'ERR FAILOVER target replica is not online.']])
    expect(client.ask('FAILOVER')).toBe('+OK\r\n')
    refusals(client, [
      ['FAILOVER', 'ERR FAILOVER already in progress.'],
      ['REPLICAOF NO ONE', 'ERR REPLICAOF not allowed while failing over.'],
    ])
    expect(primary.connect().ask('PSYNC', '?', '-1')).toBe("-NOMASTERLINK Can't SYNC while failing over\r\n")
    expect(client.ask('FAILOVER', 'ABORT')).toBe('+OK\r\n')
    replica.disconnect()
    primary.engine.stop()
  })

  test('pauses writes until it is over, CLIENT UNPAUSE or not', async () => {
    const { primary, client } = await createPair()
    const writer = primary.connect()
    client.ask('FAILOVER', 'TIMEOUT', '500')
    expect(state(client)).toBe('waiting-for-sync')
    expect(writer.ask('SET', 'k', 'w')).toBe('')
    client.ask('CLIENT', 'UNPAUSE')
    expect(writer.received()).toBe('')
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
    primary.clock.advance(500)
    expect(state(client)).toBe('no-failover')
    expect(writer.received()).toBe('+OK\r\n')
    primary.engine.stop()
  })
})

describe('a restart', () => {
  const stream = SELECT_0 + encode(['SET', 'k', 'v'])

  test.each([
    ['a snapshot', { save: '3600 1', appendonly: 'no' }],
    ['the append-only file', { save: '', appendonly: 'yes' }],
  ])('keeps the history in %s: who has everything goes on', async (_, settings) => {
    const disk = new MemoryDisk()
    const first = await startSaving({ disk, settings: { 'repl-diskless-sync-delay': '0', ...settings } })
    const { engine } = first
    const replication = engine.parts.replication
    replication.begin(first.saving)
    const replica = new TestClient(engine, 2)
    replica.ask('REPLCONF', 'capa', 'eof')
    replica.ask('PSYNC', '?', '-1')
    await first.finish()
    first.connect().ask('SET', 'k', 'v')
    const { id, offset } = engine.effects.history
    expect(offset).toBe(stream.length)
    if (settings.save !== '') {
      first.connect().ask('SAVE')
      await first.finish()
    }
    engine.stop()
    await first.saving.close()
    const second = await startSaving({ disk, settings })
    second.engine.parts.replication.begin(second.saving)
    const back = new TestClient(second.engine, 2)
    expect(back.ask('PSYNC', id, offset + 1)).toBe('+CONTINUE\r\n')
    second.connect().ask('SET', 'n', '1')
    expect(back.received()).toBe(SELECT_0 + encode(['SET', 'n', '1']))
    const tooLate = new TestClient(second.engine, 2)
    expect(tooLate.ask('PSYNC', id, offset)).not.toContain('CONTINUE')
    second.engine.stop()
    await second.saving.close()
  })

  test.each([
    ['no', 'DEL'],
    ['yes', 'UNLINK'],
  ])('with expired keys tells continuing replicas that they are gone (lazyfree-lazy-expire %s)', async (lazy, word) => {
    const disk = new MemoryDisk()
    const settings = { save: '3600 1', appendonly: 'no', 'lazyfree-lazy-expire': lazy }
    const { id, offset } = await stopped(disk, { 'repl-diskless-sync-delay': '0', ...settings })
    const second = await startSaving({ disk, settings, atMs: LATER_MS })
    second.engine.parts.replication.begin(second.saving)
    const back = new TestClient(second.engine, 2)
    const removal = encode(['SELECT', '2']) + encode([word, 'short'])
    expect(back.ask('PSYNC', id, offset + 1)).toBe(`+CONTINUE\r\n${removal}`)
    expect(second.engine.effects.history.offset).toBe(offset + removal.length)
    second.engine.stop()
    await second.saving.close()
  })

  test('with more of them than fit into the backlog makes replicas synchronise fully', async () => {
    const disk = new MemoryDisk()
    const settings = { save: '3600 1', appendonly: 'no' }
    const { id, offset } = await stopped(disk, { 'repl-diskless-sync-delay': '0', ...settings }, 17_000)
    const second = await startSaving({ disk, settings: { ...settings, 'repl-backlog-size': '16kb' }, atMs: LATER_MS })
    second.engine.parts.replication.begin(second.saving)
    const replica = new TestClient(second.engine, 2)
    expect(replica.ask('PSYNC', id, offset + 1)).not.toContain('CONTINUE')
    const info = new TestClient(second.engine, 2).ask('INFO', 'replication')
    const [, resumedAt, firstKept] = /second_repl_offset:(\d+)[\s\S]*repl_backlog_first_byte_offset:(\d+)/.exec(info)!
    expect(Number(resumedAt)).toBe(offset + 1)
    expect(Number(firstKept)).toBeGreaterThan(offset + 17_000)
    second.engine.stop()
    await second.saving.close()
  })

  test('of a replica keeps expired keys until its primary removes them', async () => {
    const disk = new MemoryDisk()
    const settings = { save: '3600 1', appendonly: 'no' }
    await stopped(disk, { 'repl-diskless-sync-delay': '0', ...settings })
    const { clock, engine } = createEngine({ ...settings, dir: '/data', replicaof: 'localhost 1' })
    clock.advance(LATER_MS - clock.now())
    await loadSnapshot(engine, disk)
    expect(engine.databases[2]!.size).toBe(1)
    engine.stop()
  })
})

/**
 * Runs a primary with a replica and an expiring key, with a name of the given length, until it has
 * saved its data; returns its history and offset.
 */
async function stopped(
  disk: MemoryDisk,
  settings: NonNullable<SavingOptions['settings']>,
  nameBytes = 0,
): Promise<{ id: string; offset: number }> {
  const first = await startSaving({ disk, settings })
  const { engine } = first
  const replication = engine.parts.replication
  replication.begin(first.saving)
  const replica = new TestClient(engine, 2)
  replica.ask('REPLCONF', 'capa', 'eof')
  replica.ask('PSYNC', '?', '-1')
  await first.finish()
  const client = first.connect()
  client.ask('SELECT', 2)
  client.ask('SET', `short${'x'.repeat(nameBytes)}`, 'v', 'PX', 100)
  client.ask('SELECT', 0)
  client.ask('SET', 'k', 'v')
  client.ask('SAVE')
  await first.finish()
  const { id, offset } = engine.effects.history
  engine.stop()
  await first.saving.close()
  return { id, offset }
}
