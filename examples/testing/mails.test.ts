// The tests of mails.ts with vitest: a broker for the file, empty before each test, in two lines
// and without a port. Its time is in the tests' hands, and a branch of it tries something without
// consequences. mails.test.cjs is the same with jest.

import { type Broker, testClock } from 'respite'
import { useBroker } from 'respite/testing'
import * as hooks from 'vitest'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Mail, Mails } from './mails.ts'

const WEEK_MS = 7 * 24 * 60 * 60 * 1000

const clock = testClock('2030-01-01')
const broker = useBroker({ hooks, clock })

function mailsOn(place: Broker, send: (mail: Mail) => Promise<void>): Mails {
  const mails = new Mails({ Connector: place.Connector, maxRetriesPerRequest: null }, send)
  onTestFinished(() => mails.close())
  return mails
}

test('a mail is sent', async () => {
  const sent: Promise<Mail> = new Promise((resolve) => {
    const mails = mailsOn(broker, async (mail) => resolve(mail))
    void mails.post({ to: 'ada@example.org', text: 'hello' })
  })
  expect(await sent).toEqual({ to: 'ada@example.org', text: 'hello' })
})

test('a mail that cannot be sent is tried again', async () => {
  let tries = 0
  const sent: Promise<number> = new Promise((resolve) => {
    const mails = mailsOn(broker, async () => {
      if (++tries < 3) throw new Error('the mail server is busy')
      resolve(tries)
    })
    void mails.post({ to: 'ada@example.org', text: 'hello again' })
  })
  expect(await sent).toBe(3)
})

test('nothing is left from other tests', async () => {
  expect(await broker.call('DBSIZE')).toBe(0)
})

test('a reminder is sent after a week, and not before', async () => {
  // BullMQ takes the time from Date, and makes the broker wait for it.
  vi.useFakeTimers({ toFake: ['Date'], now: clock.now() })
  onTestFinished(() => void vi.useRealTimers())
  const pass = async (ms: number): Promise<void> => {
    vi.setSystemTime(clock.now() + ms)
    await clock.set(clock.now() + ms)
  }
  const sent: string[] = []
  const mails = mailsOn(broker, async ({ text }) => void sent.push(text))
  await mails.post({ to: 'ada@example.org', text: 'do not forget' }, WEEK_MS)
  await pass(WEEK_MS - 1)
  expect([sent, await mails.unsent]).toEqual([[], 1])
  await pass(1)
  await vi.waitFor(() => expect(sent).toEqual(['do not forget']))
})

test('what is cancelled on a branch is still there where it began', async () => {
  const mails = mailsOn(broker, async () => {})
  await mails.post({ to: 'ada@example.org', text: 'in a week' }, WEEK_MS)
  const branch = await broker.branch()
  onTestFinished(() => branch.close())
  const others = mailsOn(branch, async () => {})
  await others.cancel()
  expect([await others.unsent, await mails.unsent]).toEqual([0, 1])
})
