// The tests of mails.ts with jest, whose hooks are global: `useBroker()` needs no more.
// mails.test.ts is the same with vitest.

const { testClock } = require('respite')
const { useBroker } = require('respite/testing')
const { Mails } = require('./mails.ts')

const WEEK_MS = 7 * 24 * 60 * 60 * 1000

/** All that jest would fake besides Date. */
const TIMERS = [
  ...['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'],
  ...['nextTick', 'queueMicrotask', 'performance', 'hrtime'],
]

const clock = testClock('2030-01-01')
const broker = useBroker({ clock })

/** Objects to close after a test, the last opened first. */
const opened = []
afterEach(async () => {
  while (opened.length > 0) await opened.pop().close()
  jest.useRealTimers()
})

function mailsOn(place, send) {
  const mails = new Mails({ Connector: place.Connector, maxRetriesPerRequest: null }, send)
  opened.push(mails)
  return mails
}

test('a mail is sent', async () => {
  const sent = new Promise((resolve) => {
    const mails = mailsOn(broker, async (mail) => resolve(mail))
    void mails.post({ to: 'ada@example.org', text: 'hello' })
  })
  expect(await sent).toEqual({ to: 'ada@example.org', text: 'hello' })
})

test('a mail that cannot be sent is tried again', async () => {
  let tries = 0
  const sent = new Promise((resolve) => {
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
  // BullMQ takes the time from Date, and makes the broker wait for it. Everything else stays real.
  jest.useFakeTimers({ now: clock.now(), doNotFake: TIMERS })
  const pass = async (ms) => {
    jest.setSystemTime(clock.now() + ms)
    await clock.set(clock.now() + ms)
  }
  let mails
  const sent = new Promise((resolve) => {
    mails = mailsOn(broker, async ({ text }) => resolve(text))
  })
  await mails.post({ to: 'ada@example.org', text: 'do not forget' }, WEEK_MS)
  await pass(WEEK_MS - 1)
  expect(await mails.unsent).toBe(1)
  await pass(1)
  expect(await sent).toBe('do not forget')
})

test('what is cancelled on a branch is still there where it began', async () => {
  const mails = mailsOn(broker, async () => {})
  await mails.post({ to: 'ada@example.org', text: 'in a week' }, WEEK_MS)
  const branch = await broker.branch()
  opened.push(branch)
  const others = mailsOn(branch, async () => {})
  await others.cancel()
  expect([await others.unsent, await mails.unsent]).toEqual([0, 1])
})
