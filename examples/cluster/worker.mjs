// The worker: does the jobs. A job may be begun a second time, when its worker or the leader was
// killed meanwhile, so the work bears that.

import { Worker } from 'bullmq'
import { connectionTo } from './connection.mjs'

const { sentinels } = JSON.parse(process.argv[2])
const worker = new Worker(
  'orders',
  async (job) => {
    process.send({ begun: job.data })
    return job.data ** 2
  },
  {
    connection: connectionTo(sentinels, { maxRetriesPerRequest: null }),
    concurrency: 4,
    // Short locks, so that the jobs of a killed worker are found soon. The defaults (30 s) are for
    // real work.
    lockDuration: 5000,
    stalledInterval: 1000,
    maxStalledCount: 20,
    runRetryDelay: 200,
  },
)
// While no broker leads the worker waits.
worker.on('error', () => {})
