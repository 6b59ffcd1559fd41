// Subscribers that come, vanish, fall behind and come back at random, against a naive model: one
// list of every published message, and the messages that each name has heard.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { globMatch } from '../../src/util/bytes/glob.ts'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'

const NAMES = ['billing', 'shipping'] as const
const CHANNELS = ['orders.eu', 'orders.us', 'news', 'other'] as const
const TARGETS = ['orders.eu', 'orders.*', '*', 'news'] as const
const REDELIVER_MS = 1000
/** The interval of samples; one more may lie between. */
const SAMPLE_MS = 2 * (REDELIVER_MS / 8)

interface Message {
  readonly channel: string
  readonly text: string
}

/** The messages that one name has heard of one target. */
interface Ear {
  /** The number of the next message that it has not heard, of those that concern it. */
  next: number
  /** The earliest message with which it may begin when it comes back. */
  earliest: number
  /** When it last heard each message. */
  readonly heardMs: number[]
}

class Session {
  readonly client: TestClient
  readonly name: string
  readonly targets = new Set<string>()

  constructor({ connect }: TestEngine, name: string, protocol: 2 | 3) {
    this.client = connect(protocol)
    this.name = name
    this.client.ask('CLIENT', 'SETNAME', name)
  }

  /** Returns messages received since the last call, by target. */
  take(extra = ''): { target: string; text: string }[] {
    const text = extra + this.client.received()
    const found: { target: string; text: string }[] = []
    const pattern =
      /\$7\r\nmessage\r\n\$\d+\r\n(.*)\r\n\$\d+\r\n(.*)\r\n|\$8\r\npmessage\r\n\$\d+\r\n(.*)\r\n\$\d+\r\n.*\r\n\$\d+\r\n(.*)\r\n/g
    for (const match of text.matchAll(pattern))
      found.push({ target: match[1] ?? match[3]!, text: match[2] ?? match[4]! })
    return found
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish'),
      channel: fc.constantFrom(...CHANNELS),
      count: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('subscribe'),
      name: fc.constantFrom(...NAMES),
      target: fc.constantFrom(...TARGETS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('vanish'), name: fc.constantFrom(...NAMES), quit: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unsubscribe'), name: fc.constantFrom(...NAMES) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('stick'), name: fc.constantFrom(...NAMES), stuck: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 1, max: 3000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rules'), trim: fc.boolean() }) },
)

test('a named subscriber hears everything in order, and only recent messages twice', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 5, maxLength: 60 }),
      fc.constantFrom(2 as const, 3 as const),
      (steps, protocol) => {
        const engine = createEngine({ channel: 'orders.* keep 1h news keep forever', redeliver: String(REDELIVER_MS) })
        const publisher = engine.connect()
        const published: Message[] = []
        const ears = new Map<string, Ear>()
        const sessions = new Map<string, Session>()
        const concerning = (target: string): Message[] =>
          published.filter(
            ({ channel }) =>
              channel !== 'other' && (target.includes('*') ? globMatch(target, channel) : target === channel),
          )

        const listen = (session: Session, extra = ''): void => {
          for (const { target, text } of session.take(extra)) {
            if (text.startsWith('other')) continue
            const ear = ears.get(`${session.name} ${target}`)!
            const all = concerning(target)
            const at = all.findIndex((message) => message.text === text)
            if (at < ear.next) {
              // Again, but only at the beginning, and only messages that it may hear again.
              expect(at).toBeGreaterThanOrEqual(ear.earliest)
            } else {
              expect(text).toBe(all[ear.next]?.text)
            }
            ear.next = at + 1
            ear.heardMs[at] = engine.clock.now()
            ear.earliest = ear.next
          }
        }
        const leave = (name: string, quit: boolean): void => {
          const session = sessions.get(name)
          if (session === undefined) return
          listen(session)
          if (quit) session.client.ask('QUIT')
          session.client.disconnect()
          sessions.delete(name)
          for (const target of session.targets) {
            const ear = ears.get(`${name} ${target}`)!
            const since = engine.clock.now() - REDELIVER_MS - SAMPLE_MS
            const recent = ear.heardMs.findIndex((ms) => ms >= since)
            ear.earliest = Math.min(ear.next, recent === -1 ? ear.next : recent)
          }
        }
        for (const one of steps) {
          switch (one.kind) {
            case 'publish': {
              const { channel, count } = one as { channel: string; count: number }
              for (let i = 0; i < count; i++) {
                const text = `${channel} ${published.length}`
                published.push({ channel, text })
                publisher.ask('PUBLISH', channel, text)
              }
              break
            }
            case 'subscribe': {
              const { name, target } = one as { name: string; target: string }
              let session = sessions.get(name)
              if (session === undefined) {
                session = new Session(engine, name, protocol)
                sessions.set(name, session)
              }
              if (session.targets.has(target)) break
              session.targets.add(target)
              const key = `${name} ${target}`
              if (!ears.has(key))
                ears.set(key, { next: concerning(target).length, earliest: concerning(target).length, heardMs: [] })
              listen(session, session.client.ask(target.includes('*') ? 'PSUBSCRIBE' : 'SUBSCRIBE', target))
              break
            }
            case 'vanish':
              leave((one as { name: string }).name, (one as { quit: boolean }).quit)
              break
            case 'unsubscribe': {
              const session = sessions.get((one as { name: string }).name)
              if (session === undefined) break
              listen(session)
              session.client.ask('UNSUBSCRIBE')
              session.client.ask('PUNSUBSCRIBE')
              for (const target of session.targets) ears.delete(`${session.name} ${target}`)
              session.targets.clear()
              session.client.received()
              break
            }
            case 'stick': {
              const session = sessions.get((one as { name: string }).name)
              if (session !== undefined) session.client.backlogBytes = (one as { stuck: boolean }).stuck ? 100_000 : 0
              break
            }
            case 'wait':
              engine.clock.advance((one as { ms: number }).ms)
              break
            default:
              publisher.ask('CONFIG', 'SET', 'channel', 'news keep forever orders.* keep 2h')
          }
          for (const session of sessions.values()) listen(session)
        }
        for (const session of sessions.values()) {
          session.client.backlogBytes = 0
          for (let i = 0; i < 20; i++) {
            engine.clock.advance(2)
            listen(session)
          }
          for (const target of session.targets)
            expect(ears.get(`${session.name} ${target}`)!.next).toBe(concerning(target).length)
        }
        engine.engine.stop()
      },
    ),
    { numRuns: process.env.SOAK === undefined ? 100 : 20_000, ...(process.env.CI === undefined ? {} : { seed: 7 }) },
  )
})
