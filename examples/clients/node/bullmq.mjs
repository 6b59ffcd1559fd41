// A job queue with BullMQ: what its users do with it. THINGS names those to do.

import { setTimeout as pause } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'

const [host, port] = process.env.RESPITE_ADDRESS.split(':')
const connection = { host, port: Number(port), maxRetriesPerRequest: null }
const queue = new Queue('mails', { connection })
const done = []
let failures = 0
let worker

/** Begins to work, and waits until a condition holds. */
async function workUntil(isTrue) {
  worker ??= new Worker(
    'mails',
    async (job) => {
      if (job.name === 'moody' && job.attemptsMade === 0) {
        failures++
        throw new Error('not now')
      }
      done.push(job.data.to)
    },
    { connection },
  )
  while (!isTrue()) await pause(5)
}

const things = {
  async add() {
    for (const to of ['a', 'b', 'c']) await queue.add('mail', { to })
    return `${await queue.getWaitingCount()} jobs are waiting`
  },

  async work() {
    await workUntil(() => done.length >= 3)
    return `${done.join(' ')}, ${new Set(done).size === done.length ? 'each once' : 'some twice'}`
  },

  async retry() {
    await queue.add('moody', { to: 'd' }, { attempts: 3 })
    await workUntil(() => done.includes('d'))
    return `failed ${failures === 1 ? 'once' : `${failures} times`}, then done`
  },

  async delayed() {
    const begin = performance.now()
    await queue.add('mail', { to: 'e' }, { delay: 500 })
    await workUntil(() => done.includes('e'))
    return performance.now() - begin >= 500 ? 'not before its time' : 'too early'
  },
}

for (const thing of process.env.THINGS.split(',')) console.log(`${thing}: ${await things[thing]()}`)
await worker.close()
await queue.close()
