// Groups whose members come, vanish and are slow at random. No message is lost. No message is heard
// twice while no member vanishes. Each member hears its messages in the order of publishing.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { globMatch } from '../../src/util/bytes/glob.ts'
import { createEngine, type TestClient } from '../support/engine.ts'

const GROUPS = ['$share/a/orders.eu', '$share/a/orders.*', '$share/a/other', '$share/a/o*'] as const
const CHANNELS = ['orders.eu', 'orders.us', 'other'] as const
const MEMBERS = 3
/** Stands for all members in place of a number. */
const ALL = MEMBERS

type Step =
  | { kind: 'publish'; channel: (typeof CHANNELS)[number] | 'target'; count: number; bytes: number }
  | { kind: 'join'; member: number }
  | { kind: 'leave'; how: 'vanish' | 'quit' | 'unsubscribe'; member: number }
  | { kind: 'stick'; member: number; backlogBytes: number }
  | { kind: 'wait'; ms: number }
  | { kind: 'rules' }

const member = fc.nat({ max: MEMBERS - 1 })

function stepsWith(leaving: boolean): fc.Arbitrary<Step[]> {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('publish' as const),
        channel: fc.constantFrom(...CHANNELS, 'target' as const),
        count: fc.integer({ min: 1, max: 15 }),
        bytes: fc.constantFrom(10, 10, 5000),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('join' as const), member }) },
    {
      weight: leaving ? 3 : 0,
      arbitrary: fc.record({
        kind: fc.constant('leave' as const),
        how: fc.constantFrom('vanish' as const, 'quit' as const, 'unsubscribe' as const),
        member,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('stick' as const),
        member: fc.nat({ max: ALL }),
        backlogBytes: fc.constantFrom(0, 100, 70_000),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('rules' as const) }) },
  )
  return fc.array(step, { minLength: 20, maxLength: 60, size: 'max' })
}

/**
 * A member whose socket may be stuck. Bytes sent meanwhile arrive later, or never when it vanishes.
 */
class Member {
  readonly client: TestClient
  #isStuck = false
  #reached = ''

  constructor(client: TestClient) {
    this.client = client
    const write = client.write.bind(client)
    client.write = (bytes) => {
      if (this.#isStuck) client.backlogBytes += bytes.length
      return write(bytes)
    }
  }

  /** `backlogBytes` are stuck already; 0 ends the stuck state. */
  stick(backlogBytes: number): void {
    this.#reached += this.take()
    this.#isStuck = backlogBytes > 0
    this.client.backlogBytes = this.#isStuck ? this.client.backlogBytes + backlogBytes : 0
  }

  ask(...words: string[]): void {
    this.#reached += this.client.ask(...words)
  }

  /** Returns the bytes received since the last call. */
  take(): string {
    if (this.#isStuck) return ''
    const text = this.#reached + this.client.received()
    this.#reached = ''
    return text
  }
}

/** The messages that one group should hear, and has heard. */
class Model {
  readonly name: string
  readonly target: string
  readonly isPattern: boolean
  readonly members = new Map<number, Member>()
  /** True once it had a member. Kept messages are heard from then on. */
  begun = false
  /** Message → how often it was heard. */
  readonly expected = new Map<string, number>()
  /** Messages that are not kept. They do not wait for those that are read from a log. */
  readonly unkept = new Set<string>()

  constructor(name: string) {
    this.name = name
    this.target = name.split('/')[2]!
    this.isPattern = name.includes('*')
  }

  hears(channel: string): boolean {
    return this.isPattern ? globMatch(this.target, channel) : this.target === channel
  }

  /**
   * Takes the messages that a member received. Each was published, and they are in order, except
   * redelivered ones.
   */
  listen(member: number, received: string, mayRepeat: boolean): void {
    const last = { kept: -1, unkept: -1 }
    for (const [, number] of received.matchAll(/\r\n(\d+):x*\r\n/g)) {
      const times = this.expected.get(number!)
      expect(times, `${this.name} was to hear ${number}`).toBeDefined()
      if (!mayRepeat) {
        expect(times, `${number} is heard once`).toBe(0)
        const kind = this.unkept.has(number!) ? 'unkept' : 'kept'
        expect(Number(number), `member ${member} hears in order`).toBeGreaterThan(last[kind])
        last[kind] = Number(number)
      }
      this.expected.set(number!, times! + 1)
    }
  }
}

function run(name: string, steps: readonly Step[], protocol: 2 | 3, mayRepeat: boolean): void {
  const rules = ['orders.* keep 1h', 'orders.* keep 2h']
  const engine = createEngine({ channel: rules[0]!, redeliver: '1000' })
  const publisher = engine.connect()
  const model = new Model(name)
  let published = 0
  const listen = (): void => {
    // Postponed work is done at the next look.
    publisher.received()
    for (const [number, member] of model.members) model.listen(number, member.take(), mayRepeat)
  }
  for (const step of steps) {
    switch (step.kind) {
      case 'publish':
        for (let i = 0; i < step.count; i++) {
          const number = String(published++)
          const channel = step.channel === 'target' && !model.isPattern ? model.target : step.channel
          if (channel === 'other') model.unkept.add(number)
          const isHeard = channel === 'other' ? model.members.size > 0 : model.begun
          if (isHeard && model.hears(channel)) model.expected.set(number, 0)
          publisher.ask('PUBLISH', channel, `${number}:${'x'.repeat(step.bytes)}`)
        }
        break
      case 'join': {
        if (model.members.has(step.member)) break
        const member = new Member(engine.connect(protocol))
        model.members.set(step.member, member)
        model.begun = true
        member.ask(model.isPattern ? 'PSUBSCRIBE' : 'SUBSCRIBE', model.name)
        break
      }
      case 'leave': {
        const member = model.members.get(step.member)
        // An unkept message that is stuck in the last member has no other member to go to.
        if (member === undefined || (model.hears('other') && model.members.size === 1)) break
        listen()
        if (step.how === 'quit') member.ask('QUIT')
        if (step.how === 'unsubscribe') member.ask(model.isPattern ? 'PUNSUBSCRIBE' : 'UNSUBSCRIBE')
        member.client.disconnect()
        listen()
        model.members.delete(step.member)
        break
      }
      case 'stick':
        for (const [number, member] of model.members) {
          if (step.member === ALL || step.member === number) member.stick(step.backlogBytes)
        }
        break
      case 'wait':
        engine.clock.advance(step.ms)
        break
      case 'rules':
        publisher.ask('CONFIG', 'SET', 'channel', rules.reverse()[0]!)
    }
    listen()
  }
  for (const member of model.members.values()) member.stick(0)
  if (model.begun && model.members.size === 0) {
    const member = new Member(engine.connect(protocol))
    model.members.set(0, member)
    member.ask(model.isPattern ? 'PSUBSCRIBE' : 'SUBSCRIBE', model.name)
  }
  for (let i = 0; i < 20; i++) {
    engine.clock.advance(2)
    listen()
  }
  const unheard = [...model.expected].filter(([, times]) => times === 0).map(([number]) => number)
  expect(unheard, 'everything is heard').toEqual([])
  engine.engine.stop()
}

const settings = {
  numRuns: process.env.SOAK === undefined ? 50 : 10_000,
  ...(process.env.CI === undefined ? {} : { seed: 7 }),
}
const names = fc.constantFrom(...GROUPS)
const protocols = fc.constantFrom(2 as const, 3 as const)

test('while no member leaves, each message is heard by one member, and by each in order', () => {
  fc.assert(
    fc.property(names, stepsWith(false), protocols, (name, steps, protocol) => run(name, steps, protocol, false)),
    settings,
  )
})

test('when members vanish, quit or leave, each message is still heard', () => {
  fc.assert(
    fc.property(names, stepsWith(true), protocols, (name, steps, protocol) => run(name, steps, protocol, true)),
    settings,
  )
})
