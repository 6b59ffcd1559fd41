// Connections of one name that come, break, leave and are stuck at random, and a broker that is killed
// and starts again, against a naive model: every message, and when each connection heard it.
//
// Nothing that the name has not heard is lost. Each connection hears every message from its SUBSCRIBE
// on, and none twice. A message that was heard is heard again only when it was heard shortly before
// its connection broke.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEngine, restarted, type TestClient, type TestEngine } from '../support/engine.ts'

const REDELIVER_MS = 1000
/** The interval of samples; one more may lie between, and another one before a position is written. */
const SAMPLE_MS = 3 * (REDELIVER_MS / 8)
const CONNECTIONS = 3
const CHANNELS = ['orders.eu', 'orders.us'] as const
const TARGETS = ['orders.eu', 'orders.*'] as const
const SETTINGS = { channel: 'orders.* keep 1h', redeliver: String(REDELIVER_MS) }

type Step =
  | { kind: 'publish'; channel: (typeof CHANNELS)[number]; count: number; bytes: number }
  | { kind: 'come'; at: number; protocol: 2 | 3 }
  | { kind: 'break'; at: number }
  | { kind: 'break all' }
  | { kind: 'lose'; at: number; count: number; ms: number; comes: boolean }
  | { kind: 'quit'; at: number }
  | { kind: 'stick'; at: number; isStuck: boolean }
  | { kind: 'acknowledge'; at: number; part: number }
  | { kind: 'wait'; ms: number }
  | { kind: 'restart'; downMs: number }

const at = fc.nat({ max: CONNECTIONS - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      channel: fc.constantFrom(...CHANNELS),
      count: fc.integer({ min: 1, max: 20 }),
      bytes: fc.constantFrom(10, 10, 10_000),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('come' as const), at, protocol: fc.constantFrom(2, 3) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('break' as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('break all' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('lose' as const),
      at,
      count: fc.integer({ min: 1, max: 5 }),
      ms: fc.integer({ min: 1, max: REDELIVER_MS / 2 }),
      comes: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('quit' as const), at }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('stick' as const), at, isStuck: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), at, part: fc.double({ min: 0, max: 1 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), downMs: fc.nat({ max: 5000 }) }) },
)

interface Message {
  readonly text: string
  /** When it reached a connection of the name last; undefined before. */
  heardMs: number | undefined
  /** True when it was heard shortly before a break, and not again since. */
  mayRepeat: boolean
  /** True when a connection acknowledged it, or one behind it. */
  isAcknowledged: boolean
}

/** A connection whose socket may be stuck. Bytes sent meanwhile arrive later, or never when it breaks. */
class Connection {
  readonly client: TestClient
  /** The first message that it must hear. */
  readonly first: number
  /** True when no other connection of the name was there when it came. */
  readonly isAlone: boolean
  /** The messages in the order of their arrival, with their ids. */
  readonly heard: { readonly number: number; readonly id: string | undefined }[] = []
  /** When its socket got stuck; undefined while it is not. */
  stuckMs: number | undefined = undefined
  /** True when the network loses what its socket takes. */
  isCutOff = false
  #reached = ''

  constructor(client: TestClient, first: number, isAlone: boolean) {
    this.client = client
    this.first = first
    this.isAlone = isAlone
    const write = client.write.bind(client)
    client.write = (bytes) => {
      if (this.stuckMs !== undefined) client.backlogBytes += bytes.length
      return write(bytes)
    }
  }

  ask(...words: string[]): void {
    this.#reached += this.client.ask(...words)
  }

  /** Returns the numbers and ids of messages that arrived since the last call. */
  take(): { number: number; id: string | undefined }[] {
    if (this.stuckMs !== undefined) return []
    const text = this.#reached + this.client.received()
    this.#reached = ''
    if (this.isCutOff) return []
    const found = text.matchAll(/\r\n(\d+):x*\r\n(?:\$\d+\r\n(\d+-\d+)\r\n)?/g)
    return [...found].map(([, number, id]) => ({ number: Number(number), id }))
  }
}

class Run {
  readonly #isPattern: boolean
  readonly #target: string
  readonly #acknowledges: boolean
  #engine: TestEngine
  #publisher: TestClient
  readonly #messages: Message[] = []
  readonly #connections = new Map<number, Connection>()
  #isKnown = false

  constructor(target: string, acknowledges: boolean) {
    this.#target = target
    this.#isPattern = target.includes('*')
    this.#acknowledges = acknowledges
    this.#engine = createEngine(SETTINGS)
    this.#publisher = this.#engine.connect()
  }

  get #nowMs(): number {
    return this.#engine.clock.now()
  }

  run(steps: readonly Step[]): void {
    for (const each of steps) {
      this.#step(each)
      this.#listen()
    }
    this.#finish()
  }

  #step(each: Step): void {
    switch (each.kind) {
      case 'publish':
        for (let i = 0; i < each.count; i++) this.#publish(each.channel, each.bytes)
        break
      case 'come':
        if (!this.#connections.has(each.at)) this.#come(each.at, each.protocol)
        break
      case 'break':
        this.#leave(each.at, 'break')
        break
      case 'break all':
        for (const number of [...this.#connections.keys()]) this.#leave(number, 'break')
        break
      case 'lose':
        this.#lose(each)
        break
      case 'quit':
        this.#leave(each.at, 'quit')
        break
      case 'stick':
        this.#stick(each.at, each.isStuck)
        break
      case 'acknowledge':
        this.#acknowledge(each.at, each.part)
        break
      case 'wait':
        this.#engine.clock.advance(each.ms)
        break
      case 'restart':
        this.#restart(each.downMs)
    }
  }

  #publish(channel: string, bytes: number): void {
    if (!this.#isPattern && channel !== this.#target) return
    const text = `${this.#messages.length}:${'x'.repeat(bytes)}`
    // A name that is not known yet does not miss it.
    this.#messages.push({ text, heardMs: undefined, mayRepeat: false, isAcknowledged: !this.#isKnown })
    this.#publisher.ask('PUBLISH', channel, text)
  }

  #come(number: number, protocol: 2 | 3): void {
    const client = this.#engine.connect(protocol)
    const connection = new Connection(client, this.#messages.length, this.#connections.size === 0)
    if (this.#acknowledges) client.ask('CLIENT', 'CAPA', 'message-ids')
    client.ask('CLIENT', 'SETNAME', 'billing')
    this.#connections.set(number, connection)
    if (!this.#isKnown) for (const message of this.#messages) message.heardMs = Number.NEGATIVE_INFINITY
    this.#isKnown = true
    connection.ask(this.#isPattern ? 'PSUBSCRIBE' : 'SUBSCRIBE', this.#target)
  }

  #leave(number: number, how: 'break' | 'quit'): void {
    const connection = this.#connections.get(number)
    if (connection === undefined) return
    this.#listen()
    const isHeardOut = how === 'quit' && connection.stuckMs === undefined
    if (isHeardOut) connection.ask('QUIT')
    this.#listenTo(connection)
    connection.client.disconnect()
    this.#connections.delete(number)
    const certainMs = (connection.stuckMs ?? this.#nowMs) - SAMPLE_MS
    // The other connections hear what only this one took after its last sample; if it broke, also
    // what only this one was sent within `redeliver`.
    if (!isHeardOut) this.#mayRepeat(certainMs - REDELIVER_MS)
    else if (this.#connections.size > 0) this.#mayRepeat(certainMs)
  }

  /** The network fails, and the broker knows it a little later. Meanwhile another connection may come. */
  #lose({ at: number, comes, count, ms }: Extract<Step, { kind: 'lose' }>): void {
    const connection = this.#connections.get(number)
    if (connection === undefined || connection.stuckMs !== undefined) return
    this.#listen()
    connection.isCutOff = true
    const publish = (): void => {
      for (let i = 0; i < count; i++) this.#publish(CHANNELS[0], 10)
    }
    publish()
    const other = (number + 1) % CONNECTIONS
    if (comes && !this.#connections.has(other)) this.#come(other, 3)
    this.#engine.clock.advance(ms)
    publish()
    this.#leave(number, 'break')
  }

  /** Messages that were heard at this time or later may be heard once more. */
  #mayRepeat(sinceMs: number): void {
    for (const message of this.#messages) {
      if (message.heardMs !== undefined && message.heardMs >= sinceMs) message.mayRepeat = true
    }
  }

  #hearNow(sinceMs: number): void {
    for (const message of this.#messages) {
      if (message.heardMs !== undefined && message.heardMs >= sinceMs) message.heardMs = this.#nowMs
    }
  }

  #stick(number: number, isStuck: boolean): void {
    const connection = this.#connections.get(number)
    if (connection === undefined || isStuck === (connection.stuckMs !== undefined)) return
    this.#listen()
    // The broker learns only now that the messages before were taken.
    if (connection.stuckMs !== undefined) this.#hearNow(connection.stuckMs - SAMPLE_MS)
    connection.stuckMs = isStuck ? this.#nowMs : undefined
    connection.client.backlogBytes = isStuck ? 100 : 0
  }

  #acknowledge(number: number, part: number): void {
    const connection = this.#connections.get(number)
    if (!this.#acknowledges || connection === undefined || connection.heard.length === 0) return
    const last = Math.min(connection.heard.length - 1, Math.floor(part * connection.heard.length))
    const { id } = connection.heard[last] ?? {}
    if (id === undefined) return
    const kind = this.#isPattern ? ['PATTERN', this.#target] : []
    // A connection of RESP2 that subscribes sends nothing else.
    if (connection.client.client.protocol === 3 && connection.stuckMs === undefined) {
      connection.ask('CHANNEL', 'ACK', 'orders.eu', id, ...kind)
      for (const { number: heard } of connection.heard.slice(0, last + 1)) this.#message(heard).isAcknowledged = true
    }
  }

  #restart(downMs: number): void {
    this.#listen()
    for (const connection of this.#connections.values()) {
      this.#mayRepeat((connection.stuckMs ?? this.#nowMs) - SAMPLE_MS - REDELIVER_MS)
    }
    this.#connections.clear()
    this.#engine = restarted(this.#engine, SETTINGS, downMs)
    this.#publisher = this.#engine.connect()
  }

  #message(number: number): Message {
    const message = this.#messages[number]
    expect(message, `message ${number} was published`).toBeDefined()
    return message!
  }

  #listen(): void {
    // Postponed work is done at the next look.
    this.#publisher.received()
    for (const connection of this.#connections.values()) this.#listenTo(connection)
  }

  #listenTo(connection: Connection): void {
    for (const { number, id } of connection.take()) {
      const message = this.#message(number)
      expect(
        connection.heard.some((other) => other.number === number),
        `a connection hears ${number} once`,
      ).toBe(false)
      connection.heard.push({ number, id })
      if (number < connection.first && message.heardMs !== undefined && !this.#acknowledges) {
        expect(message.mayRepeat, `${number} is heard again`).toBe(true)
        message.mayRepeat = false
      }
      message.heardMs = this.#nowMs
    }
  }

  #finish(): void {
    for (const number of this.#connections.keys()) this.#stick(number, false)
    if (this.#isKnown && this.#connections.size === 0) this.#come(0, 3)
    for (let i = 0; i < 60; i++) {
      this.#engine.clock.advance(2)
      this.#listen()
    }
    for (const { first, heard } of this.#connections.values()) {
      const numbers = new Set(heard.map(({ number }) => number))
      for (let i = first; i < this.#messages.length; i++)
        expect(numbers.has(i), `each connection hears ${i}`).toBe(true)
    }
    const here = new Set([...this.#connections.values()].flatMap(({ heard }) => heard.map(({ number }) => number)))
    const isLost = ({ heardMs, isAcknowledged }: Message, i: number): boolean =>
      this.#acknowledges ? !isAcknowledged && !here.has(i) : heardMs === undefined
    const lost = this.#isKnown ? this.#messages.filter(isLost) : []
    expect(
      lost.map(({ text }) => Number.parseInt(text, 10)),
      'nothing is lost',
    ).toEqual([])
    this.#engine.engine.stop()
  }
}

const settings = {
  numRuns: process.env.SOAK === undefined ? 150 : 20_000,
  ...(process.env.CI === undefined ? {} : { seed: 7 }),
}
const steps = fc.array(step, { minLength: 10, maxLength: 60, size: 'max' })

test('connections of one name lose nothing, and hear again only what was heard shortly before a break', () => {
  fc.assert(
    fc.property(fc.constantFrom(...TARGETS), steps, (target, all) => new Run(target, false).run(all)),
    settings,
  )
})

test('connections of one name that acknowledge lose nothing that none of them acknowledged', () => {
  fc.assert(
    fc.property(fc.constantFrom(...TARGETS), steps, (target, all) => new Run(target, true).run(all)),
    settings,
  )
})
