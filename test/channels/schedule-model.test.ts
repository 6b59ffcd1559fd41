// Messages that are scheduled, cancelled and published at random, with restarts between, against a
// list of due times.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEngine, restarted, type TestClient, type TestEngine } from '../support/engine.ts'

const RULES = { channel: 'kept keep 1h' }
const CHANNELS = ['kept', 'free'] as const

interface Waiting {
  readonly channel: string
  readonly id: string
  readonly dueMs: number
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('schedule' as const),
      channel: fc.constantFrom(...CHANNELS),
      id: fc.integer({ min: 0, max: 30 }),
      ms: fc.integer({ min: 0, max: 300 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('cancel' as const),
      channel: fc.constantFrom(...CHANNELS),
      id: fc.integer({ min: 0, max: 30 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 200 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), ms: fc.integer({ min: 0, max: 200 }) }) },
)

function listen({ connect }: TestEngine): TestClient {
  const client = connect()
  client.ask('SUBSCRIBE', ...CHANNELS)
  return client
}

test('a scheduled message is published once, when it is due, in order of time, whatever happens between', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      let engine = createEngine(RULES)
      let subscriber = listen(engine)
      let client = engine.connect()
      let waiting: Waiting[] = []
      const settle = (): void => {
        const dueNow = waiting.filter(({ dueMs }) => dueMs <= engine.clock.now())
        waiting = waiting.filter((message) => !dueNow.includes(message))
        const expected = dueNow.toSorted((a, b) => a.dueMs - b.dueMs)
        const heard = [...subscriber.received().matchAll(/\$7\r\nmessage\r\n\$4\r\n(.*)\r\n\$\d+\r\n(.*)\r\n/g)]
        for (const channel of CHANNELS) {
          const of = (all: readonly Waiting[]): string[] =>
            all.filter((one) => one.channel === channel).map(({ id }) => id)
          expect(heard.filter((match) => match[1] === channel).map((match) => match[2])).toEqual(of(expected))
        }
        const times = heard.map(
          (match) => expected.find(({ channel, id }) => channel === match[1] && id === match[2])!.dueMs,
        )
        expect(times).toEqual(times.toSorted((a, b) => a - b))
      }
      for (const one of steps) {
        if (one.kind === 'schedule') {
          const { channel, ms } = one
          const id = String(one.id)
          client.ask('PUBLISH', channel, id, 'ID', id, 'IN', ms)
          if (!waiting.some((other) => other.channel === channel && other.id === id))
            waiting.push({ channel, id, dueMs: engine.clock.now() + ms })
        } else if (one.kind === 'cancel') {
          const { channel } = one
          const id = String(one.id)
          const found = waiting.some((other) => other.channel === channel && other.id === id)
          expect(client.ask('CHANNEL', 'CANCEL', channel, id)).toBe(found ? ':1\r\n' : ':0\r\n')
          waiting = waiting.filter((other) => other.channel !== channel || other.id !== id)
        } else if (one.kind === 'advance') {
          engine.clock.advance(one.ms)
          settle()
        } else {
          engine = restarted(engine, RULES, one.ms)
          subscriber = listen(engine)
          client = engine.connect()
          engine.clock.advance(0)
          settle()
        }
      }
      engine.clock.advance(1000)
      settle()
      expect(client.ask('KEYS', '*scheduled*')).toBe('*0\r\n')
      engine.engine.stop()
    }),
    { numRuns: process.env.SOAK === undefined ? 60 : 20_000, ...(process.env.CI === undefined ? {} : { seed: 7 }) },
  )
})
