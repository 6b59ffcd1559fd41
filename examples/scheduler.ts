// A scheduler without a cron table: a key that expires is an alarm, and a message can be scheduled.
// Both are kept for a worker that was away when they came, under its name, and a job that is asked
// for twice is done once.

import { Redis } from 'ioredis'
import { startServer } from 'respite'

const EXPIRED = '__keyevent@0__:expired'

const server = await startServer({
  port: 0,
  config: {
    'notify-keyspace-events': 'Ex',
    channel: `${EXPIRED} keep 1h jobs.* keep 1h dedupe 10m`,
    redeliver: 0,
  },
})
const url = `redis://${server.address}`

const done: string[] = []
let noteDone: () => void = () => {}

/**
 * Connects a worker under its name; several that share the work would subscribe to
 * `$share/workers/jobs.mail` instead.
 */
async function startWorker(): Promise<Redis> {
  const worker = new Redis(url, { connectionName: 'worker' })
  worker.on('message', (channel, text) => {
    done.push(text)
    console.log(`worker: ${channel === EXPIRED ? 'alarm' : 'job'} ${text}`)
    noteDone()
  })
  await worker.subscribe(EXPIRED, 'jobs.mail')
  return worker
}

/** Resolves when so many alarms and jobs have come. */
async function untilDone(count: number): Promise<void> {
  while (done.length < count) {
    await new Promise<void>((resolve) => {
      noteDone = resolve
    })
  }
}

const shop = new Redis(url)
const worker = await startWorker()
await shop.set('cart 7 is abandoned', '', 'PX', 50)
const id = await shop.call('PUBLISH', 'jobs.mail', 'thank customer 7', 'ID', 'mail-7', 'IN', '150')
// The shop is not sure that it has been heard, and asks again.
const again = await shop.call('PUBLISH', 'jobs.mail', 'thank customer 7', 'ID', 'mail-7', 'IN', '150')
console.log(`shop: scheduled ${id}, and again ${again}`)
await untilDone(2)

await worker.quit()
console.log('the worker is away')
await shop.set('cart 8 is abandoned', '', 'PX', 20)
await shop.call('PUBLISH', 'jobs.mail', 'thank customer 8', 'IN', '40')
await shop.call('PUBLISH', 'jobs.mail', 'never mind', 'ID', 'mail-9', 'IN', '60000')
await shop.call('CHANNEL', 'CANCEL', 'jobs.mail', 'mail-9')
while ((await shop.xlen('channel:{jobs.mail}')) < 2) await new Promise((resolve) => setTimeout(resolve, 10))
const back = await startWorker()
await untilDone(4)

back.disconnect()
shop.disconnect()
await server.close()
console.log(`done: ${done.length}`)
