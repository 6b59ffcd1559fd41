// The shop: for each order it adds a job to a BullMQ queue and publishes an event. A request
// without an answer is repeated: the job has an id of its own, and so has the message, so neither
// is there twice.

import { setTimeout as sleep } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { connectionTo } from './connection.mjs'

const { first, sentinels } = JSON.parse(process.argv[2])
const queue = new Queue('orders', { connection: connectionTo(sentinels, { commandTimeout: 3000 }) })
const bus = new Redis(connectionTo(sentinels, { commandTimeout: 3000, maxRetriesPerRequest: 1 }))
queue.on('error', () => {})
bus.on('error', () => {})

for (let order = first; ; order++) {
  await untilAnswered(() => queue.add('square', order, { jobId: `order-${order}` }))
  await untilAnswered(() => bus.call('PUBLISH', 'orders.created', String(order), 'ID', String(order)))
  process.send({ acknowledged: order })
  await sleep(10)
}

async function untilAnswered(ask) {
  while (true) {
    try {
      return await ask()
    } catch (error) {
      process.send({ error: String(error) })
      await sleep(50)
    }
  }
}
