// The log in memory fulfils the contract of all logs, and its network faults do what they claim.

import { expect, test } from 'vitest'
import { FAIR_WEATHER, InMemoryLog } from '../../src/replicated-log/in-memory-log.ts'
import { Fenced, type ReplicatedLog } from '../../src/replicated-log/log.ts'
import { systemClock } from '../../src/util/time/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { describeReplicatedLog, type LogUnderTest } from './contract.ts'

/** No answer counts as lost within this time: a machine may be busy for long. */
const PATIENT_MS = 60_000
const IMPATIENT_MS = 40

describeReplicatedLog('in memory', async (): Promise<LogUnderTest> => {
  const row = new InMemoryLog({ clock: systemClock, answerTimeoutMs: PATIENT_MS })
  const clients: ReplicatedLog[] = []
  let loses: 'nothing' | 'request' | 'reply' = 'nothing'
  const weather = {
    ...FAIR_WEATHER,
    losesRequest: () => loses === 'request',
    losesReply: () => loses === 'reply',
  }
  return {
    async connect() {
      const log = row.connect(systemClock, weather)
      clients.push(log)
      return log
    },
    async stop() {
      for (const log of clients) await log.close()
    },
    async restart() {
      for (const log of clients) await log.close()
    },
    async limit(bytes) {
      row.capacityBytes = bytes
    },
    async loseAnswer(_log, takesEffect, append) {
      loses = takesEffect ? 'reply' : 'request'
      row.answerTimeoutMs = IMPATIENT_MS
      const appending = append()
      await new Promise<void>((resolve) => void systemClock.after(20, resolve))
      loses = 'nothing'
      row.answerTimeoutMs = PATIENT_MS
      return appending
    },
    async remove(position) {
      row.remove(position)
    },
    async takeAway() {
      row.isAway = true
      row.answerTimeoutMs = IMPATIENT_MS
      return async () => {
        row.isAway = false
        row.answerTimeoutMs = PATIENT_MS
      }
    },
  }
}, ['restart', 'limit', 'loseAnswer', 'remove', 'takeAway'])

test('requests of a client arrive in order however long each takes, and after its end', async () => {
  const clock = new FakeClock()
  const row = new InMemoryLog({ clock })
  const delays = [100, 10]
  const log = row.connect(clock, { ...FAIR_WEATHER, delayMs: (what) => (what === 'request' ? delays.shift()! : 0) })
  const appends = [log.append(Buffer.from('a'), 0), log.append(Buffer.from('b'), 1)].map((append) =>
    append.catch(() => 'ended'),
  )
  await log.close()
  clock.advance(50)
  expect(row.bounds.last).toBe(0)
  clock.advance(50)
  expect(row.bounds.last).toBe(2)
  expect(await Promise.all(appends)).toEqual(['ended', 'ended'])
})

test('an append in flight lands behind the record that has fenced the one before it', async () => {
  const clock = new FakeClock()
  const row = new InMemoryLog({ clock })
  const old = row.connect(clock, { ...FAIR_WEATHER, delayMs: (what) => (what === 'request' ? 100 : 0) })
  const late = [old.append(Buffer.from('late 0'), 0), old.append(Buffer.from('late 1'), 1)]
  const fenced = expect(late[0]).rejects.toBeInstanceOf(Fenced)
  const next = row.connect(clock).lead(Buffer.from('epoch 2'), 0)
  clock.advance(100)
  await fenced
  expect(await next).toBe(1)
  expect(await late[1]).toBe(2)
  expect(Buffer.from(row.at(2)!).toString()).toBe('late 1')
})
