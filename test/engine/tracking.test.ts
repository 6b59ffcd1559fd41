// Clients that cache, in process: what they are told is always enough, and what they cost is bounded.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { frameBytes, scanFrames } from '../differential/frames.ts'
import { encodeCommand } from '../differential/program.ts'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'

const KEYS = ['a', 'ab', 'b', 'c']

const MODES = ['ON', 'ON NOLOOP', 'ON OPTIN', 'ON OPTOUT', 'ON BCAST', 'ON BCAST NOLOOP', 'ON BCAST PREFIX a'] as const

/** A client that caches as its mode lets it, and believes what it is told. */
class CachingClient {
  readonly cache = new Map<string, string>()
  readonly #mode: string
  readonly #connection: TestClient
  /** Of RESP2: the connection that is told for it. */
  readonly #told: TestClient | undefined
  #isCachingSaid = false

  constructor({ connect }: TestEngine, mode: string, protocol: 2 | 3) {
    this.#mode = mode
    this.#connection = connect(protocol)
    let redirect = ''
    if (protocol === 2) {
      this.#told = connect(2)
      this.#told.ask('SUBSCRIBE', '__redis__:invalidate')
      redirect = ` REDIRECT ${this.#told.client.id}`
    }
    expect(this.#connection.ask(...`CLIENT TRACKING ${mode}${redirect}`.split(' '))).toBe('+OK\r\n')
  }

  /** Sends commands in one write; what GET replies is cached, and what comes after it is obeyed. */
  send(commands: readonly (readonly string[])[]): void {
    const asked = commands.filter(([name]) => name !== 'MULTI')
    const bytes = this.#connection.sendRaw(commands.map((command) => encodeCommand(command, () => '')).join(''))
    let at = 0
    for (const frame of scanFrames(bytes).frames) {
      if (frame.type === '>') {
        this.#obey(frame.children.map(frameBytes).join(''))
        continue
      }
      const command = asked[at++]!
      this.#learn(command, frameBytes(frame))
    }
    this.listen()
  }

  #learn(command: readonly string[], reply: string): void {
    const [name, key] = command as [string, string]
    if (name === 'CLIENT') {
      this.#isCachingSaid = true
      return
    }
    if (name === 'GET' && this.#mayCache(key)) this.cache.set(key, reply)
    // NOLOOP: what it does itself it knows itself.
    else if (name !== 'GET') for (const word of command.slice(1)) this.cache.delete(word)
    if (name === 'FLUSHALL' || name === 'EVAL') this.cache.clear()
    this.#isCachingSaid = false
  }

  #mayCache(key: string): boolean {
    if (this.#mode.includes('OPTIN')) return this.#isCachingSaid
    if (this.#mode.includes('OPTOUT')) return !this.#isCachingSaid
    return !this.#mode.includes('PREFIX') || key.startsWith('a')
  }

  /** Takes note of what came by itself. */
  listen(): void {
    for (const connection of this.#told === undefined ? [this.#connection] : [this.#connection, this.#told]) {
      const bytes = connection.received()
      if (bytes !== '') for (const frame of scanFrames(bytes).frames) this.#obey(frameBytes(frame))
    }
  }

  #obey(message: string): void {
    const keys = /invalidate\r\n(\*\d+\r\n|_|\$-1)([\s\S]*)$/.exec(message)!
    if (!keys[1]!.startsWith('*')) this.cache.clear()
    for (const [, key] of keys[2]!.matchAll(/\$\d+\r\n(.*)\r\n/g)) this.cache.delete(key!)
  }

  get caching(): string[] {
    return this.#mode.includes('OPTIN') ? ['CLIENT', 'CACHING', 'YES'] : ['CLIENT', 'CACHING', 'NO']
  }

  get says(): boolean {
    return this.#mode.includes('OPT')
  }
}

describe('caches', () => {
  const key = fc.constantFrom(...KEYS)
  const write = fc.oneof(
    fc.tuple(fc.constant('SET'), key, fc.constantFrom('1', '2')),
    fc.tuple(fc.constant('APPEND'), key, fc.constant('x')),
    fc.tuple(fc.constant('DEL'), key, key),
    fc.tuple(fc.constant('RENAME'), key, key),
    fc.tuple(fc.constant('COPY'), key, key, fc.constant('REPLACE')),
    fc.tuple(fc.constant('PEXPIRE'), key, fc.constantFrom('1', '-1', '1000')),
    fc.tuple(fc.constant('GETDEL'), key),
    fc.tuple(fc.constant('MSET'), key, fc.constant('3'), key, fc.constant('4')),
    fc.constant(['FLUSHALL']),
    fc.constant(['EVAL', "redis.call('GET','a') redis.call('SET','a',5) redis.call('DEL','ab')", '0']),
  )
  const read = fc.tuple(fc.constant('GET'), key)
  const step = fc.record({
    client: fc.nat(3),
    kind: fc.constantFrom('read', 'read', 'read', 'write', 'both', 'say', 'multi', 'elsewhere', 'time', 'evict'),
    reads: fc.array(read, { minLength: 1, maxLength: 3 }),
    writes: fc.array(write, { minLength: 1, maxLength: 3 }),
  })
  const mode = fc.record({ mode: fc.constantFrom(...MODES), protocol: fc.constantFrom(2 as const, 3 as const) })

  test('never hold what is no longer true, whatever the mode, after any step', () => {
    fc.assert(
      fc.property(
        fc.array(mode, { minLength: 4, maxLength: 4 }),
        fc.constantFrom('0', '0', '2'),
        fc.array(step, { minLength: 20, maxLength: 40 }),
        (modes, limit, steps) => {
          const test = createEngine({ 'tracking-table-max-keys': limit })
          const clients = modes.map(({ mode, protocol }) => new CachingClient(test, mode, protocol))
          const other = test.connect()
          for (const { client: number, kind, reads, writes } of steps) {
            const client = clients[number]!
            if (kind === 'read') client.send(reads)
            else if (kind === 'write') client.send(writes)
            else if (kind === 'both') client.send([...reads, ...writes, ...reads])
            else if (kind === 'say' && client.says) client.send([client.caching, ...reads])
            else if (kind === 'multi') other.sendRaw(transaction([...reads, ...writes]))
            else if (kind === 'elsewhere') other.sendRaw(writes.map((one) => encodeCommand(one, () => '')).join(''))
            else if (kind === 'time') test.clock.advance(2)
            else if (kind === 'evict') {
              other.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random', 'maxmemory', '1')
              other.ask('PING')
              test.clock.advance(0)
              other.ask('CONFIG', 'SET', 'maxmemory', '0')
            }
            for (const one of clients) one.listen()
            // The time of what is expired may be up with nobody having looked: looking is what tells.
            const truth = new Map(KEYS.map((key) => [key, other.ask('GET', key).replace('$-1\r\n', 'nil')]))
            for (const one of clients) {
              one.listen()
              for (const [key, value] of one.cache) {
                expect([key, value.replace(/^(\$-1|_)\r\n$/, 'nil')]).toEqual([key, truth.get(key)])
              }
            }
          }
        },
      ),
      { numRuns: process.env.SOAK ? 3000 : 40 },
    )
  })

  function transaction(commands: readonly (readonly string[])[]): string {
    return [['MULTI'], ...commands, ['EXEC']].map((command) => encodeCommand(command, () => '')).join('')
  }
})

describe('the table of keys', () => {
  const figures = (client: TestClient) =>
    Object.fromEntries(
      [...client.ask('INFO').matchAll(/(tracking_\w+):(\d+)/g)].map(([, name, n]) => [name, Number(n)]),
    )

  test('is counted by INFO, and empty when the last client that cached is gone', () => {
    const { connect, engine } = createEngine()
    const [one, two, other] = [connect(3), connect(3), connect()]
    one.ask('CLIENT', 'TRACKING', 'ON')
    two.ask('CLIENT', 'TRACKING', 'ON')
    one.ask('MGET', 'a', 'b')
    two.ask('MGET', 'b', 'c')
    expect(figures(other)).toEqual({
      tracking_clients: 2,
      tracking_total_keys: 3,
      tracking_total_items: 4,
      tracking_total_prefixes: 0,
    })
    connect(3).ask('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'x', 'PREFIX', 'y')
    expect(figures(other)).toMatchObject({ tracking_clients: 3, tracking_total_prefixes: 2 })
    one.disconnect()
    expect(figures(other)).toMatchObject({ tracking_clients: 2, tracking_total_keys: 3, tracking_total_items: 4 })
    other.ask('CLIENT', 'KILL', 'TYPE', 'normal')
    expect(figures(other)).toEqual({
      tracking_clients: 0,
      tracking_total_keys: 0,
      tracking_total_items: 0,
      tracking_total_prefixes: 0,
    })
    expect(engine.data.changes.told).toBeNull()
  })

  test('gives keys up before the next command when there are more than tracking-table-max-keys, and tells who read them', () => {
    const { connect } = createEngine({ 'tracking-table-max-keys': '10' })
    const [client, other] = [connect(3), connect()]
    client.ask('CLIENT', 'TRACKING', 'ON', 'NOLOOP')
    client.ask('MGET', ...Array.from({ length: 50 }, (_, i) => `k${i}`))
    // NOLOOP or not: Redis forgets these and says nothing.
    const told = new Set(client.ask('PING').match(/k\d+/g))
    expect(told.size).toBe(40)
    expect(figures(other)).toMatchObject({ tracking_total_keys: 10 })
    for (let i = 0; i < 50; i++) other.ask('SET', `k${i}`, '1')
    const rest = client.received().match(/k\d+/g)!
    expect(rest).toHaveLength(10)
    for (const key of rest) expect(told.has(key)).toBe(false)
  })

  test('takes more effort each time when it is far beyond its bound', () => {
    const { connect } = createEngine({ 'tracking-table-max-keys': '0' })
    const client = connect(3)
    const other = connect()
    client.ask('CLIENT', 'TRACKING', 'ON')
    client.ask('MGET', ...Array.from({ length: 1000 }, (_, i) => `k${i}`))
    other.ask('CONFIG', 'SET', 'tracking-table-max-keys', '1')
    const left = [1, 2, 3, 4].map(() => figures(other).tracking_total_keys)
    expect(left).toEqual([900, 700, 400, 1])
  })
})

describe('a client that is told', () => {
  test('and does not read is held to the output limits', () => {
    const { connect, engine } = createEngine({ 'client-output-buffer-limit': 'normal 1000 0 0' })
    const [client, other] = [connect(3), connect()]
    client.ask('CLIENT', 'TRACKING', 'ON', 'BCAST')
    client.backlogBytes = 1000
    for (let i = 0; i < 3; i++) other.ask('SET', `a key of some length ${i}`, '1')
    expect(client.closed).toBe('now')
    expect(engine.figures.stats.outputLimitDisconnects).toBe(1)
    expect(engine.clients.tracking.clientCount).toBe(0)
  })

  test('in CLIENT REPLY OFF hears all the same, what goes before its own command included', () => {
    const { connect } = createEngine({ 'tracking-table-max-keys': '1' })
    const client = connect(3)
    client.ask('CLIENT', 'TRACKING', 'ON')
    client.ask('CLIENT', 'REPLY', 'OFF')
    client.ask('MGET', 'a', 'b')
    expect(client.ask('PING')).toMatch(/^>2\r\n\$10\r\ninvalidate\r\n\*1\r\n\$1\r\n[ab]\r\n$/)
  })

  test('costs others nothing when it is gone: its handlers are removed', () => {
    const { connect, engine } = createEngine()
    const client = connect(3)
    client.ask('CLIENT', 'TRACKING', 'ON')
    client.ask('GET', 'a')
    expect(engine.data.changes.told).not.toBeNull()
    client.ask('CLIENT', 'TRACKING', 'OFF')
    connect().ask('SET', 'a', '1')
    expect(engine.data.changes.told).toBeNull()
  })

  test('by thousands who named it is closed when that is too much', () => {
    const { connect, engine } = createEngine({ 'client-output-buffer-limit': 'pubsub 100000 0 0' })
    const target = connect(2)
    target.ask('SUBSCRIBE', '__redis__:invalidate')
    for (let i = 0; i < 5000; i++) {
      engine.clients.tracking.enable(connect(2).client, {
        mode: 'default',
        noLoop: false,
        redirect: target.client.id,
        prefixes: [],
      })
    }
    connect().ask('FLUSHALL')
    expect(target.closed).toBe('now')
  })
})
