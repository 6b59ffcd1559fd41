// BullMQ on the program as it is run in earnest: a process of its own, a password, files, and its keys durable at once.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Queue, QueueEvents, Worker } from 'bullmq'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, runProgram, temporaryDirectory } from '../support/server.ts'

test('the server is killed while jobs are added and done: what was added is completed, nothing twice', async () => {
  const cwd = temporaryDirectory()
  const path = join(cwd, 'sock')
  const words = ['--port', '0', '--unixsocket', path, '--appendonly', 'yes', '--requirepass', 'secret']
  const start = () => runProgram([...words, '--durability', 'bull:*', 'always'], { cwd })
  const ready = (program: ReturnType<typeof start>) =>
    eventually(() => program.output().includes('is ready'), `ready in: ${program.output()}`)
  const program = start()
  await ready(program)
  expect(existsSync(path)).toBe(true)

  const connection = { path, password: 'secret', maxRetriesPerRequest: null, retryStrategy: () => 10 }
  const queue = new Queue<number, number>('earnest', { connection })
  const events = new QueueEvents('earnest', { connection, lastEventId: '0-0' })
  const worker = new Worker<number, number>('earnest', async (job) => job.data + 1, {
    connection,
    concurrency: 4,
    lockDuration: 500,
    stalledInterval: 200,
    maxStalledCount: 5,
    runRetryDelay: 50,
  })
  const completed: string[] = []
  events.on('completed', ({ jobId }) => completed.push(jobId))
  queue.on('error', () => {})
  events.on('error', () => {})
  worker.on('error', () => {})

  const add = async (n: number) => {
    // The answer may be lost with the server; by its id the job is there once all the same.
    while (true) {
      try {
        return await queue.add('n', n, { jobId: `n-${n}`, ...(n % 3 === 0 && { delay: 20 }) })
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
  }
  const adding = (async () => {
    for (let n = 0; n < 200; n++) await add(n)
  })()
  await eventually(() => completed.length > 40)
  program.child.kill('SIGKILL')
  await program.exited
  await ready(start())
  // After the start: hooks run last first, and closing needs a server that answers.
  onTestFinished(async () => {
    await Promise.all([worker.close(true), events.close(), queue.close()])
  })
  await adding
  await eventually(async () => (await queue.getCompletedCount()) === 200)
  await eventually(() => completed.length >= 200)
  expect(completed).toHaveLength(200)
  expect(new Set(completed).size).toBe(200)
  expect((await queue.getCompleted(0, -1)).every((job) => job.returnvalue === job.data + 1)).toBe(true)
  expect(await queue.count()).toBe(0)
})
