// The tests of mails.ts with vitest: a broker for the file, empty before each test, in two lines and without a port.
//
// With jest, whose hooks are global, `useBroker()` does.

import { useBroker } from 'respite/testing'
import * as hooks from 'vitest'
import { expect, onTestFinished, test } from 'vitest'
import { type Mail, Mails } from './mails.ts'

const broker = useBroker({ hooks })

function mailsSentBy(send: (mail: Mail) => Promise<void>): Mails {
  const mails = new Mails({ Connector: broker.Connector, maxRetriesPerRequest: null }, send)
  onTestFinished(() => mails.close())
  return mails
}

test('a mail is sent', async () => {
  const sent: Promise<Mail> = new Promise((resolve) => {
    const mails = mailsSentBy(async (mail) => resolve(mail))
    void mails.post({ to: 'ada@example.org', text: 'hello' })
  })
  expect(await sent).toEqual({ to: 'ada@example.org', text: 'hello' })
})

test('a mail that cannot be sent is tried again', async () => {
  let tries = 0
  const sent: Promise<number> = new Promise((resolve) => {
    const mails = mailsSentBy(async () => {
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
