// BullMQ, unmodified, on Respite: a producer, workers, and a listener of the queue's events. Real
// processes: on the way a worker is killed in the middle of a job and then the server itself, both
// with SIGKILL.
//
// BullMQ promises, and the end checks, that every job that `add` acknowledged is completed, and
// that none completes twice. A job may be *begun* twice: by the killed worker, and by the one that
// took over when its lock had run out. So a job's work has to bear being repeated. Here it does: it
// adds a number to a set.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue, QueueEvents, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { startServer } from 'respite'

const JOBS = 300
const GIVE_UP_MS = 100_000
const QUEUE = 'squares'

const [role = 'main', ...args] = process.argv.slice(2)
if (role === 'server') await serve(args[0]!, Number(args[1]))
else if (role === 'worker') await work(args[0]!, Number(args[1]))
else await main()

/** The server: reports its port to the parent, then serves until it is killed. */
async function serve(dir: string, port: number): Promise<void> {
  // A killed process loses nothing: every write reaches the system before its reply leaves.
  // `always` bears power cuts as well.
  const server = await startServer({ port, dir, appendfsync: 'everysec' })
  process.send?.(server.port)
}

/**
 * BullMQ waits for its server as long as it takes; only the time between its attempts is set here.
 */
function connectionTo(port: number) {
  return { port, maxRetriesPerRequest: null, retryStrategy: () => 20 }
}

/** A worker: says which job it has begun, does it, says so. */
async function work(name: string, port: number): Promise<void> {
  const results = new Redis(connectionTo(port))
  results.on('error', () => {})
  const worker = new Worker<number, number>(
    QUEUE,
    async (job) => {
      process.send?.({ begun: job.id })
      await sleep(name === 'doomed' ? 20 : 2)
      await results.sadd('done', job.data)
      return job.data ** 2
    },
    // Short locks, so that the jobs of a killed worker are found soon. The defaults (30 s) are for
    // real work.
    {
      connection: connectionTo(port),
      name,
      concurrency: 4,
      lockDuration: 1000,
      stalledInterval: 500,
      // A job may lose its worker to the first kill, while the server is away, and on a busy
      // machine whenever a lock is renewed too late.
      maxStalledCount: 20,
      // How long a worker whose server did not answer rests before it asks again.
      runRetryDelay: 200,
    },
  )
  // While the server is away there is nothing to do but to wait: the worker tries again by itself.
  worker.on('error', () => {})
}

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'respite-bullmq-'))
  const children: ChildProcess[] = []
  const start = (...args: string[]): ChildProcess => {
    const child = spawn(process.execPath, [...process.execArgv, import.meta.filename, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    children.push(child)
    return child
  }
  const startServerProcess = async (port: number): Promise<[ChildProcess, number]> => {
    const child = start('server', dir, String(port))
    const [actualPort] = await once(child, 'message')
    return [child, actualPort as number]
  }
  const kill = async (child: ChildProcess): Promise<void> => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const deadline = Date.now() + GIVE_UP_MS
  const until = async (what: string, check: () => Promise<boolean> | boolean): Promise<void> => {
    while (!(await check())) {
      if (Date.now() > deadline) throw new Error(`gave up: ${what}`)
      await sleep(10)
    }
  }

  try {
    let [server, port] = await startServerProcess(0)
    const connection = connectionTo(port)
    const queue = new Queue<number, number>(QUEUE, { connection })
    const events = new QueueEvents(QUEUE, { connection })
    const completions = new Map<string, number>()
    let stalled = 0
    events.on('completed', ({ jobId }) => completions.set(jobId, (completions.get(jobId) ?? 0) + 1))
    events.on('stalled', () => stalled++)
    queue.on('error', () => {})
    events.on('error', () => {})
    await events.waitUntilReady()

    // Every tenth is tried again where it fails, every seventh waits a little first, every fifth
    // goes before the others.
    const producing = (async () => {
      for (let i = 0; i < JOBS; i++) {
        const options = {
          jobId: `job-${i}`,
          attempts: 3,
          ...(i % 7 === 0 && { delay: 50 }),
          ...(i % 5 === 0 && { priority: 1 }),
        }
        await add(queue, i, options)
        await sleep(1)
      }
    })()

    const doomed = start('worker', 'doomed', String(port))
    const begunByDoomed = new Set<string>()
    doomed.on('message', ({ begun }: { begun: string }) => begunByDoomed.add(begun))
    await until('the worker begins', () => begunByDoomed.size >= 20)
    await kill(doomed)
    const held = await queue.getActiveCount()
    console.log(`the worker was killed with ${held} jobs in hand`)

    const workers = ['second', 'third'].map((name) => start('worker', name, String(port)))
    await until('some jobs', async () => (await queue.getCompletedCount()) > JOBS / 3)
    await kill(server)
    console.log('the server was killed')
    ;[server] = await startServerProcess(port)
    console.log('the server is back')

    await producing
    await until('all jobs', async () => (await queue.getCompletedCount()) === JOBS)
    await until('all events', () => completions.size === JOBS)

    const counts = await queue.getJobCounts()
    const unfinished = Object.entries(counts).reduce((sum, [state, n]) => sum + (state === 'completed' ? 0 : n), 0)
    const jobs = await queue.getCompleted(0, -1)
    const wrong = jobs.filter((job) => job.returnvalue !== job.data ** 2).length
    const twice = [...completions.values()].filter((times) => times !== 1).length
    const done = await new Redis(connection).scard('done')
    console.log(`${stalled} jobs had lost their worker and went to another`)
    console.log(`${JOBS} jobs: ${jobs.length} completed, ${twice} twice, ${wrong} wrong, ${unfinished} unfinished`)
    if (done !== JOBS || jobs.length !== JOBS || wrong + twice + unfinished > 0) process.exitCode = 1
    for (const worker of workers) worker.kill('SIGKILL')
    await events.close()
    await queue.close()
  } catch (error) {
    console.error(error)
    process.exitCode = 1
  } finally {
    for (const child of children) child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
  process.exit()
}

/**
 * Adds a job; where the answer was lost with the server, again. Its id is its own, so it cannot be
 * there twice.
 */
async function add(queue: Queue<number, number>, data: number, options: { jobId: string }): Promise<void> {
  while (true) {
    try {
      await queue.add('square', data, options)
      return
    } catch {
      await sleep(20)
    }
  }
}
