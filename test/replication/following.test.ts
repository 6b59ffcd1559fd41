// A replica, and a primary whose every byte the test writes.

import { describe, expect, test } from 'vitest'
import { encode, TestClient } from '../support/engine.ts'
import { createFollower, type FollowingEngine, goOn, HISTORY, snapshotOf } from './scripted-primary.ts'

const PING = '*1\r\n$4\r\nPING\r\n'
const MARK = 'm'.repeat(40)

const request = (text: string): string => encode(text.split(' '))

/** A replica that has loaded a snapshot and receives the stream from offset 1000 on. */
async function synced(
  settings: Parameters<typeof createFollower>[0] = {},
  ...commands: string[]
): Promise<FollowingEngine> {
  const follower = createFollower({ 'repl-diskless-load': 'swapdb', ...settings })
  follower.client.ask('REPLICAOF', 'primary', '6379')
  follower.shakeHands()
  const snapshot = await snapshotOf(...commands)
  follower.primary.send(`+FULLRESYNC ${HISTORY} 1000\r\n$${snapshot.length}\r\n`)
  follower.primary.send(snapshot)
  await goOn()
  expect(follower.client.ask('ROLE')).toContain('connected')
  follower.primary.heard()
  return follower
}

function info({ client }: FollowingEngine): Record<string, string> {
  const lines = client.ask('INFO', 'replication').split('\r\n')
  return Object.fromEntries(lines.map((line) => line.split(':') as [string, string]))
}

describe('the handshake', () => {
  test('tells the name, the capabilities and the offset of the replica', () => {
    const follower = createFollower({ masterauth: 'secret', masteruser: 'rep', 'replica-announce-ip': '10.1.1.1' })
    follower.client.ask('REPLICAOF', 'primary', '6379')
    const { primary } = follower
    primary.accept()
    expect(primary.heard()).toBe(PING)
    primary.send('-NOAUTH Authentication required.\r\n')
    expect(primary.heard()).toBe(
      ['AUTH rep secret', 'REPLCONF listening-port 0', 'REPLCONF ip-address 10.1.1.1', 'REPLCONF capa eof capa psync2']
        .map(request)
        .join(''),
    )
    primary.send('+OK\r\n+OK\r\n-ERR what?\r\n+OK\r\n')
    // A former primary may share its history.
    expect(primary.heard()).toBe(request(`PSYNC ${follower.engine.effects.history.id} 1`))
    expect(follower.messages).toContain('(Non critical) Master does not understand REPLCONF ip-address: -ERR what?')
  })

  test('ends when the primary refuses the password, and begins again a second later', () => {
    const follower = createFollower({ masterauth: 'wrong' })
    follower.client.ask('REPLICAOF', 'primary', '6379')
    follower.primary.accept()
    follower.primary.send('+PONG\r\n')
    follower.primary.send('-WRONGPASS invalid username-password pair or user is disabled.\r\n')
    expect(follower.messages.at(-1)).toMatch(/^Unable to AUTH to MASTER: -WRONGPASS/)
    expect(follower.primary.closed).toBe(true)
    follower.clock.advance(1000)
    expect(follower.dialled.length).toBe(2)
  })

  test('sends SYNC when PSYNC is unknown', async () => {
    const follower = createFollower({ 'repl-diskless-load': 'swapdb' })
    follower.client.ask('REPLICAOF', 'primary', '6379')
    follower.shakeHands()
    follower.primary.send('-ERR unknown command\r\n')
    expect(follower.primary.heard()).toBe(request('SYNC'))
    const snapshot = await snapshotOf('SET k v')
    follower.primary.send(`\n\n$${snapshot.length}\r\n`)
    follower.primary.send(snapshot)
    await goOn()
    expect(follower.client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  })

  test.each([
    ['+FULLRESYNC abc 1\r\n', /wrong \+FULLRESYNC syntax/],
    [`+FULLRESYNC ${HISTORY} 1\r\nhello\r\n`, /^Bad protocol from MASTER.*hello/],
    [`+FULLRESYNC ${HISTORY} 1\r\n-no\r\n`, /^MASTER aborted replication with an error: no/],
    ['-LOADING wait\r\n', /^Master is currently unable to PSYNC/],
    ['x'.repeat(5000), /too long/],
  ])('nonsense (%#) ends the link, with the reason in the log', (nonsense, reason) => {
    const follower = createFollower()
    follower.client.ask('SET', 'k', 'v')
    follower.client.ask('REPLICAOF', 'primary', '6379')
    follower.shakeHands()
    follower.primary.send(nonsense)
    expect(follower.messages.at(-1)).toMatch(reason)
    expect(follower.primary.closed).toBe(true)
    expect(follower.client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  })

  test('waits repl-timeout for a primary that says nothing', () => {
    const follower = createFollower({ 'repl-timeout': '5' })
    follower.client.ask('REPLICAOF', 'primary', '6379')
    follower.clock.advance(5000)
    expect(follower.dialled.length).toBe(1)
    follower.clock.advance(2000)
    expect(follower.messages).toContain('Timeout connecting to the MASTER...')
    expect(follower.dialled.length).toBe(2)
  })
})

describe('a snapshot', () => {
  test.each(['disabled', 'on-empty-db', 'swapdb'])(
    'takes the place of the data, sized or marked (%s)',
    async (load) => {
      for (const kind of ['sized', 'marked']) {
        const follower = createFollower({ 'repl-diskless-load': load })
        follower.client.ask('SET', 'old', '1')
        follower.client.ask('REPLICAOF', 'primary', '6379')
        follower.shakeHands()
        const snapshot = await snapshotOf('SET k v', 'RPUSH l a b', 'SELECT 3', 'HSET h f v')
        const head = kind === 'sized' ? `$${snapshot.length}` : `$EOF:${MARK}`
        follower.primary.send(`+FULLRESYNC ${HISTORY} 1000\r\n${head}\r\n`)
        const tail = kind === 'sized' ? PING : MARK
        const all = Buffer.concat([snapshot, Buffer.from(tail)])
        for (let at = 0; at < all.length; at += 7) follower.primary.send(all.subarray(at, at + 7))
        await goOn()
        const { client } = follower
        expect(client.ask('KEYS', '*')).toBe('*2\r\n$1\r\nk\r\n$1\r\nl\r\n')
        client.ask('SELECT', '3')
        expect(client.ask('HGET', 'h', 'f')).toBe('$1\r\nv\r\n')
        const offset = kind === 'sized' ? 1000 + PING.length : 1000
        expect(info(follower)).toMatchObject({
          master_link_status: 'up',
          master_replid: HISTORY,
          slave_repl_offset: String(offset),
        })
      }
    },
  )

  test.each([
    // A snapshot that is written to a file leaves the data; one that is loaded as it arrives
    // replaces it first, or stands beside it.
    ['disabled', '$100', ['0', '0', '100', '5', '95', '5.00', '0', undefined]],
    ['on-empty-db', '$100', ['1', '0', '100', '5', '95', '5.00', '1', '100']],
    ['on-empty-db', `$EOF:${MARK}`, ['1', '0', '0', '5', '-5', '0.00', '1', '0']],
    ['swapdb', '$100', ['1', '0', '100', '5', '95', '5.00', '0', '100']],
  ])('is told of in INFO while it comes (%s, %s)', async (load, head, expected) => {
    const follower = createFollower({ 'repl-diskless-load': load })
    follower.client.ask('REPLICAOF', 'primary', '6379')
    follower.shakeHands()
    const figures = (): (string | undefined)[] => {
      const told = new Map(
        follower.client
          .ask('INFO', 'everything')
          .split('\r\n')
          .map((line) => line.split(':') as [string, string]),
      )
      return [
        ...['loading', 'async_loading', 'master_sync_total_bytes', 'master_sync_read_bytes', 'master_sync_left_bytes'],
        ...['master_sync_perc', 'slave_repl_offset', 'loading_total_bytes'],
      ].map((name) => told.get(name))
    }
    follower.primary.send(`+FULLRESYNC ${HISTORY} 1000\r\n`)
    expect(figures()).toEqual(['0', '0', '-1', '0', '-1', '-0.00', '0', undefined])
    follower.primary.send(`${head}\r\nREDIS`)
    await goOn()
    expect(figures()).toEqual(expected)
    follower.primary.cut()
  })

  test('that is loaded beside data of the same history is reported as such', async () => {
    const follower = await synced()
    follower.primary.cut()
    follower.clock.advance(1000)
    follower.shakeHands()
    follower.primary.send(`+FULLRESYNC ${HISTORY} 2000\r\n$100\r\nREDIS`)
    expect(follower.client.ask('INFO', 'persistence')).toMatch(
      /loading:0\r\nasync_loading:1[\s\S]*loading_total_bytes:100/,
    )
    follower.primary.cut()
    await goOn()
    expect(follower.client.ask('INFO', 'persistence')).toMatch(/loading:0\r\nasync_loading:0/)
  })

  test('may be followed by more bytes than are accepted while it is loaded; all arrive afterwards', async () => {
    const snapshot = await snapshotOf('SET k v')
    const follower = createFollower({ 'repl-diskless-load': 'swapdb' })
    follower.client.ask('REPLICAOF', 'primary', '6379')
    follower.shakeHands()
    follower.primary.send(
      Buffer.concat([Buffer.from(`+FULLRESYNC ${HISTORY} 1000\r\n$${snapshot.length}\r\n`), snapshot]),
    )
    const append = encode(['APPEND', 'text', 'x'.repeat(60_000)])
    let sent = 0
    for (; !follower.primary.paused && sent < 200; sent++) follower.primary.send(append)
    expect(sent * append.length).toBeGreaterThan(4 * 1024 * 1024)
    expect(sent * append.length).toBeLessThan(5 * 1024 * 1024)
    await goOn()
    expect(follower.primary.paused).toBe(false)
    follower.primary.send(append)
    expect(follower.client.ask('STRLEN', 'text')).toBe(`:${(sent + 1) * 60_000}\r\n`)
  })

  test('whose primary leaves before it is loaded is followed by later effects once', async () => {
    const snapshot = await snapshotOf('SET n 5')
    const follower = createFollower({ 'repl-diskless-load': 'swapdb' })
    follower.client.ask('REPLICAOF', 'primary', '6379')
    follower.shakeHands()
    follower.primary.send(
      Buffer.concat([Buffer.from(`+FULLRESYNC ${HISTORY} 1000\r\n$${snapshot.length}\r\n`), snapshot]),
    )
    const increment = encode(['INCR', 'n'])
    follower.primary.send(increment)
    follower.primary.cut()
    await goOn()
    follower.clock.advance(1000)
    expect(follower.shakeHands()).toContain(encode(['PSYNC', HISTORY, '1001']))
    follower.primary.send('+CONTINUE\r\n')
    follower.primary.send(increment)
    expect(follower.client.ask('GET', 'n')).toBe('$1\r\n6\r\n')
  })

  test('that is cut anywhere leaves the data unchanged, and the next one is loaded', async () => {
    const snapshot = await snapshotOf('SET k v', 'RPUSH l a b c', 'ZADD z 1 a')
    const follower = createFollower({ 'repl-diskless-load': 'swapdb' })
    follower.client.ask('SET', 'old', '1')
    follower.client.ask('REPLICAOF', 'primary', '6379')
    const start = Buffer.concat([Buffer.from(`+FULLRESYNC ${HISTORY} 1000\r\n$${snapshot.length}\r\n`), snapshot])
    for (let length = 0; length < start.length; length++) {
      follower.shakeHands()
      follower.primary.send(start.subarray(0, length))
      if (length % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
      follower.primary.cut()
      follower.clock.advance(1000)
    }
    await goOn()
    expect(follower.client.ask('KEYS', '*')).toBe('*1\r\n$3\r\nold\r\n')
    follower.shakeHands()
    follower.primary.send(start)
    await goOn()
    expect(follower.client.ask('DBSIZE')).toBe(':3\r\n')
  })

  test('that is damaged leaves the data unchanged', async () => {
    const snapshot = await snapshotOf('SET k v')
    snapshot[snapshot.length - 1]! ^= 1
    const follower = createFollower({ 'repl-diskless-load': 'swapdb' })
    follower.client.ask('SET', 'old', '1')
    follower.client.ask('REPLICAOF', 'primary', '6379')
    follower.shakeHands()
    follower.primary.send(`+FULLRESYNC ${HISTORY} 1000\r\n$${snapshot.length}\r\n`)
    follower.primary.send(snapshot)
    await goOn()
    expect(follower.messages).toContain('Failed trying to load the MASTER synchronization DB, check server logs.')
    expect(follower.client.ask('GET', 'old')).toBe('$1\r\n1\r\n')
    expect(follower.primary.closed).toBe(true)
  })

  test('breaks WATCH, wakes clients that wait for a stream that exists now, and invalidates caches', async () => {
    const follower = createFollower({ 'repl-diskless-load': 'swapdb' })
    const [watcher, reader] = [follower.connect(), follower.connect()]
    follower.client.ask('REPLICAOF', 'primary', '6379')
    watcher.ask('WATCH', 'k')
    watcher.ask('MULTI')
    watcher.ask('GET', 'k')
    reader.ask('XREAD', 'BLOCK', 0, 'STREAMS', 's', 0)
    const snapshot = await snapshotOf('SET k v', 'XADD s 1-1 f v')
    follower.shakeHands()
    follower.primary.send(`+FULLRESYNC ${HISTORY} 1000\r\n$${snapshot.length}\r\n`)
    follower.primary.send(snapshot)
    await goOn()
    expect(watcher.ask('EXEC')).toBe('*-1\r\n')
    expect(reader.received()).toContain('1-1')
  })
})

describe('the stream', () => {
  test('is run, journaled, passed on byte for byte, and acknowledged each second', async () => {
    const follower = await synced()
    const { clock, client, journal, primary } = follower
    journal.take()
    const stream = `${request('SELECT 2')}${request('SET k v')}\r\n${request('INCR n')}${request('PUBLISH ch hello')}`
    const listener = follower.connect()
    listener.ask('SUBSCRIBE', 'ch')
    for (const byte of stream) primary.send(byte)
    expect(follower.copied()).toBe(stream)
    expect(journal.take()).toEqual(['2 SET k v', '2 INCR n'])
    expect(listener.received()).toContain('hello')
    clock.advance(1000)
    const acknowledged = `REPLCONF ACK ${1000 + stream.length}`
    expect(primary.heard()).toBe(request(`${acknowledged} FACK ${1000 + stream.length}`))
    client.ask('SELECT', '2')
    expect(client.ask('GET', 'n')).toBe('$1\r\n1\r\n')
  })

  test('a unit counts as a whole: after a break within it, the link continues before it', async () => {
    const follower = await synced()
    const { journal, client } = follower
    journal.take()
    const before = request('SET a 1')
    const unit = [request('MULTI'), request('INCR n'), request('INCR n'), request('EXEC')]
    follower.primary.send(before + unit.slice(0, 3).join(''))
    expect(client.ask('GET', 'n')).toBe('$-1\r\n')
    expect(info(follower)).toMatchObject({ slave_repl_offset: String(1000 + before.length) })
    expect(follower.copied()).toBe(before)
    follower.primary.cut()
    const asked = follower.shakeHands()
    expect(asked).toContain(request(`PSYNC ${HISTORY} ${1000 + before.length + 1}`))
    follower.primary.send('+CONTINUE\r\n')
    for (const part of unit) follower.primary.send(part)
    expect(client.ask('GET', 'n')).toBe('$1\r\n2\r\n')
    expect(journal.take()).toEqual(['0 SET a 1', 'MULTI', '0 INCR n', '0 INCR n', 'EXEC'])
    expect(follower.copied()).toBe(before + unit.join(''))
  })

  test('continues where it stopped, in the same database, wherever it was cut', async () => {
    const follower = await synced()
    const stream = ['SELECT 1', 'INCR n', 'RPUSH l abc', 'INCR n', 'SELECT 4', 'INCR n'].map(request).join('')
    let sent = 0
    for (let cut = 1; cut <= stream.length; cut += 5) {
      follower.primary.send(stream.slice(sent, cut))
      follower.primary.cut()
      const asked = follower.shakeHands()
      sent = Number(/PSYNC\r\n\$40\r\n\w{40}\r\n\$\d+\r\n(\d+)/.exec(asked)![1]) - 1001
      follower.primary.send('+CONTINUE\r\n')
    }
    follower.primary.send(stream.slice(sent))
    const { client } = follower
    client.ask('SELECT', '1')
    expect(client.ask('GET', 'n')).toBe('$1\r\n2\r\n')
    expect(client.ask('LLEN', 'l')).toBe(':1\r\n')
    client.ask('SELECT', '4')
    expect(client.ask('GET', 'n')).toBe('$1\r\n1\r\n')
  })

  test('GETACK gets the offset applied before it', async () => {
    const { primary } = await synced()
    const set = request('SET k v')
    primary.send(set + request('REPLCONF GETACK *') + request('SET k w'))
    expect(primary.heard()).toContain(`REPLCONF\r\n$3\r\nACK\r\n$4\r\n${1000 + set.length}\r\n`)
  })

  test('a request that fails here is logged, and the stream goes on', async () => {
    const follower = await synced({}, 'SET k v')
    follower.primary.send(request('LPUSH k a') + request('NOSUCH x') + request('SET k w'))
    expect(follower.messages.filter((message) => message.startsWith('== CRITICAL =='))).toEqual([
      "== CRITICAL == This replica is sending an error to its master: 'WRONGTYPE Operation against a key holding the wrong kind of value' after processing the command 'lpush'",
      "== CRITICAL == This replica is sending an error to its master: 'ERR unknown command 'NOSUCH', with args beginning with: 'x' ' after processing the command 'nosuch'",
    ])
    expect(follower.client.ask('GET', 'k')).toBe('$1\r\nw\r\n')
  })

  test('a protocol error ends the link, and leaves the data', async () => {
    const follower = await synced({}, 'SET k v')
    const { primary } = follower
    primary.send(`${request('SET k w')}*1\r\n!oops\r\n`)
    expect(primary.closed).toBe(true)
    expect(follower.messages).toContain("Protocol error from master: expected '$', got '!'")
    expect(follower.client.ask('GET', 'k')).toBe('$1\r\nw\r\n')
    // Whole requests count.
    expect(follower.shakeHands()).toContain(`${1000 + request('SET k w').length + 1}`)
  })

  test.each(['in the stream', 'in a snapshot'])(
    'memory is allocated for received bytes, not for announced ones (%s)',
    async (where) => {
      const follower = where === 'in the stream' ? await synced() : createFollower({ 'repl-diskless-load': 'swapdb' })
      const { client } = follower
      const before = process.memoryUsage().arrayBuffers
      if (where === 'in the stream') {
        follower.primary.send(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2000000000\r\n${'x'.repeat(100_000)}`)
      } else {
        client.ask('REPLICAOF', 'primary', '6379')
        follower.shakeHands()
        follower.primary.send(`+FULLRESYNC ${HISTORY} 1000\r\n$EOF:${MARK}\r\nREDIS0011\xfe\0\0\x01k`)
        // A string of 2,000,000,000 bytes.
        follower.primary.send(`\x80\x77\x35\x94\0${'x'.repeat(100_000)}`)
        await goOn()
      }
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000)
      expect(follower.primary.closed).toBe(false)
      follower.primary.cut()
    },
  )

  test('an argument too large for a buffer ends the link', async () => {
    const { messages, primary } = await synced()
    primary.send('*2\r\n$3\r\nGET\r\n$99999999999\r\n')
    expect(messages).toContain('Protocol error from master: invalid bulk length')
    expect(primary.closed).toBe(true)
  })

  test('a primary that is silent for repl-timeout is disconnected', async () => {
    const follower = await synced({ 'repl-timeout': '3' })
    follower.clock.advance(2000)
    follower.primary.send(PING)
    follower.clock.advance(3000)
    expect(follower.primary.closed).toBe(false)
    follower.clock.advance(1000)
    expect(follower.messages).toContain('MASTER timeout: no data nor PING received...')
    expect(follower.dialled.length).toBe(2)
  })

  test('waits while the disk fails, unless replica-ignore-disk-write-errors is set', async () => {
    const follower = await synced()
    const { client, clock, engine, messages, primary } = follower
    engine.conditions.state.refusals.journalFailed.begin()
    primary.send(request('SET k v'))
    primary.send(request('SET k w'))
    expect([client.ask('GET', 'k'), primary.paused]).toEqual(['$-1\r\n', true])
    expect(messages.filter((message) => message.includes('unable to write to disk'))).toHaveLength(1)
    engine.conditions.state.refusals.journalFailed.end()
    clock.advance(1000)
    expect([client.ask('GET', 'k'), primary.paused]).toEqual(['$1\r\nw\r\n', false])
    client.ask('CONFIG', 'SET', 'replica-ignore-disk-write-errors', 'yes')
    engine.conditions.state.refusals.saveFailed.begin()
    primary.send(request('SET k x'))
    expect(client.ask('GET', 'k')).toBe('$1\r\nx\r\n')
  })

  test('waits while clients are paused, and while data is loaded', async () => {
    const follower = await synced()
    follower.client.ask('CLIENT', 'PAUSE', 5000, 'WRITE')
    follower.primary.send(request('SET k v'))
    expect(follower.client.ask('GET', 'k')).toBe('$-1\r\n')
    expect(info(follower)).toMatchObject({ slave_repl_offset: '1000', slave_read_repl_offset: '1027' })
    follower.clock.advance(6000)
    expect(follower.client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  })

  test('CLIENT KILL TYPE master ends the link, which is made again', async () => {
    const follower = await synced()
    expect(follower.client.ask('CLIENT', 'LIST', 'TYPE', 'master')).toContain('flags=M')
    expect(follower.client.ask('CLIENT', 'KILL', 'TYPE', 'master')).toBe(':1\r\n')
    expect(follower.primary.closed).toBe(false)
    expect(follower.dialled.length).toBe(2)
  })
})

describe('a replica', () => {
  test('refuses writes of clients, in transactions and scripts too', async () => {
    const { client, primary } = await synced()
    const refusal = "-READONLY You can't write against a read only replica.\r\n"
    expect(client.ask('SET', 'k', 'v')).toBe(refusal)
    client.ask('MULTI')
    expect(client.ask('SET', 'k', 'v')).toBe(refusal)
    expect(client.ask('EXEC')).toMatch(/^-EXECABORT/)
    expect(client.ask('EVAL', "return redis.call('set','k','v')", 0)).toContain("READONLY You can't write")
    expect(client.ask('EVAL', "#!lua\nreturn redis.call('set','k','v')", 0)).toBe(refusal)
    expect(client.ask('PUBLISH', 'c', 'm')).toBe(':0\r\n')
    primary.send(request('SET k v'))
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  })

  test('hides what has expired, and removes it when the primary says so', async () => {
    const { client, clock, engine, journal, primary } = await synced()
    const at = clock.now() + 1000
    primary.send(request(`SET k v PXAT ${at}`) + request(`SET n 5 PXAT ${at}`))
    clock.advance(2000)
    journal.take()
    expect(client.ask('GET', 'k')).toBe('$-1\r\n')
    expect(client.ask('DBSIZE')).toBe(':2\r\n')
    expect(journal.take()).toEqual([])
    // The primary has another clock: its write uses the key.
    primary.send(request('INCR n') + request('PERSIST n') + request('DEL k'))
    expect(client.ask('GET', 'n')).toBe('$1\r\n6\r\n')
    expect(engine.databases[0]!.size).toBe(1)
  })

  test('refuses WAIT and WAITAOF', async () => {
    const { client } = await synced()
    expect(client.ask('WAIT', '0', '0')).toMatch(/^-ERR WAIT cannot be used with replica instances\./)
    expect(client.ask('WAITAOF', '0', '0', '0')).toBe(
      '-ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.\r\n',
    )
  })

  test('that may be written to has keys of its own, which expire', async () => {
    const { client, clock } = await synced({ 'replica-read-only': 'no' })
    expect(client.ask('SET', 'own', 'v', 'PX', 500)).toBe('+OK\r\n')
    clock.advance(1000)
    expect(client.ask('DBSIZE')).toBe(':0\r\n')
  })

  test('answers MASTERDOWN while the link is down, if the settings say so', async () => {
    const follower = await synced({ 'replica-serve-stale-data': 'no' }, 'SET k v')
    const { client } = follower
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
    follower.primary.cut()
    expect(client.ask('GET', 'k')).toBe(
      "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
    )
    // Redis runs no script without allow-stale, whatever it would do.
    for (const request of [
      ['EVAL', 'return 1', '0'],
      ['EVAL_RO', "return redis.call('get','k')", '0'],
    ])
      expect(client.ask(...request)).toMatch(/^-MASTERDOWN Link with MASTER is down and .* is set to 'no'\.\r\n/)
    expect(client.ask('EVAL', "#!lua flags=no-writes,allow-stale\nreturn redis.call('get','k')", '0')).toContain(
      'Can not execute the command on a stale replica',
    )
    // PING is not among the commands that run nevertheless.
    expect(client.ask('PING')).toMatch(/^-MASTERDOWN/)
    expect(client.ask('INFO', 'replication')).toContain('master_link_status:down')
    client.ask('CONFIG', 'SET', 'replica-serve-stale-data', 'yes')
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  })

  test('evicts nothing by itself, unless it is told to', async () => {
    const { client, engine } = await synced({ maxmemory: '1', 'maxmemory-policy': 'allkeys-lru' }, 'SET k v')
    expect(engine.conditions.state.memoryLimited.holds).toBe(false)
    client.ask('CONFIG', 'SET', 'replica-ignore-maxmemory', 'no')
    expect(engine.conditions.state.memoryLimited.holds).toBe(true)
  })

  test('keeps no messages by itself, and does again when it is promoted', async () => {
    const follower = await synced({ channel: 'news* keep 1h' })
    const { client, engine, primary } = follower
    const listener = follower.connect()
    listener.ask('SUBSCRIBE', 'news')
    primary.send(request('PUBLISH news hello'))
    expect(listener.received()).toContain('hello')
    expect(engine.databases[0]!.size).toBe(0)
    client.ask('REPLICAOF', 'NO', 'ONE')
    client.ask('PUBLISH', 'news', 'again')
    expect(listener.received()).toContain('again')
    expect(engine.databases[0]!.size).toBe(1)
  })

  test('unblocks waiting clients when it becomes one', () => {
    const follower = createFollower()
    const waiter = follower.connect()
    waiter.ask('BLPOP', 'l', 0)
    follower.client.ask('REPLICAOF', 'primary', '6379')
    expect(waiter.received()).toBe(
      '-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n',
    )
    expect(waiter.closed).toBe('flushed')
  })

  test('reports its role: ROLE, HELLO, CONFIG GET; and the same again changes nothing', async () => {
    const { client, dialled } = await synced()
    expect(client.ask('ROLE')).toBe('*5\r\n$5\r\nslave\r\n$7\r\nprimary\r\n:6379\r\n$9\r\nconnected\r\n:1000\r\n')
    expect(client.ask('HELLO')).toContain('$4\r\nrole\r\n$7\r\nreplica\r\n')
    expect(client.ask('CONFIG', 'GET', 'replicaof')).toContain('primary 6379')
    expect(client.ask('SLAVEOF', 'PRIMARY', '6379')).toBe('+OK Already connected to specified master\r\n')
    expect(dialled.length).toBe(1)
    expect(client.ask('REPLICAOF', 'primary', 'x')).toBe('-ERR Invalid master port\r\n')
  })

  test('that is promoted continues with a history of its own, from which it can return', async () => {
    const follower = await synced({}, 'SET k v')
    const { client, engine } = follower
    follower.primary.send(request('SET k w'))
    const offset = 1000 + request('SET k w').length
    expect(client.ask('REPLICAOF', 'NO', 'ONE')).toBe('+OK\r\n')
    expect(follower.primary.closed).toBe(true)
    expect(engine.effects.history).toMatchObject({ secondId: HISTORY, secondOffset: offset + 1, offset })
    expect(client.ask('SET', 'k', 'x')).toBe('+OK\r\n')
    const own = engine.effects.history.id
    client.ask('REPLICAOF', 'other', '6379')
    expect(follower.shakeHands()).toContain(request(`PSYNC ${own} ${offset + 1}`))
    const next = 'b'.repeat(40)
    follower.primary.send(`+CONTINUE ${next}\r\n`)
    expect(engine.effects.history).toMatchObject({ id: next, secondId: own })
    expect(info(follower)).toMatchObject({ role: 'slave', master_link_status: 'up' })
  })
})

describe('FAILOVER', () => {
  /** A server whose replica has everything, and which asks it to take over now. */
  function handOver(): FollowingEngine & { writer: TestClient } {
    const follower = createFollower()
    const { client, engine } = follower
    const replica = new TestClient(engine, 2)
    replica.ask('REPLCONF', 'listening-port', '7000', 'ip-address', '10.0.0.1')
    follower.replication.replicas.expectReplicas()
    replica.ask('PSYNC', engine.effects.history.id, '1')
    expect(client.ask('FAILOVER', 'TO', '10.0.0.1', '7000')).toBe('+OK\r\n')
    return { ...follower, writer: follower.connect() }
  }

  test('asks the replica to take over, and continues to lead when it refuses', () => {
    const { client, engine, primary, writer } = handOver()
    expect(client.ask('INFO', 'replication')).toContain('failover-in-progress')
    primary.accept()
    primary.send('+PONG\r\n+OK\r\n+OK\r\n')
    expect(primary.heard()).toContain(request(`PSYNC ${engine.effects.history.id} 1 FAILOVER`))
    primary.send('-ERR PSYNC FAILOVER replid must match my replid.\r\n')
    expect(primary.closed).toBe(true)
    expect(writer.ask('SET', 'k', 'v')).toBe('+OK\r\n')
    expect(client.ask('INFO', 'replication')).toContain('no-failover')
  })

  test('that is aborted leads again, and waiting clients continue', () => {
    const { client, primary, writer } = handOver()
    primary.accept()
    expect(writer.ask('SET', 'k', 'v')).toBe("-READONLY You can't write against a read only replica.\r\n")
    expect(client.ask('FAILOVER', 'ABORT')).toBe('+OK\r\n')
    expect(writer.ask('SET', 'k', 'v')).toBe('+OK\r\n')
  })
})
