// A work queue that loses nothing: jobs wait in a list, a worker moves one to its own list while it
// works on it (BLMOVE). Real processes: on the way one worker and then the server are killed with
// SIGKILL, and in the end every job is done.
//
//   producers ── LPUSH jobs ──▶ jobs ── BLMOVE ──▶ processing:<worker> ── MULTI, LREM + SET result:<job>, EXEC ──▶ done
//
// The job of a killed worker is in that worker's list, and the main program puts it back. After the
// server was killed, a worker does not know whether its last command arrived; it looks into its
// list. Doing a job twice gives the same result, so that is harmless.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startServer } from 'respite'

const JOBS = 400
const WORKERS = 3
const PRODUCERS = 2
const GIVE_UP_MS = 60_000

const [role = 'main', ...args] = process.argv.slice(2)
if (role === 'server') await serve(args[0]!, Number(args[1]))
else if (role === 'worker') await work(args[0]!, Number(args[1]))
else await main()

/** The server: reports its port to the parent, then serves until it is killed. */
async function serve(dir: string, port: number): Promise<void> {
  // `everysec` bounds what a power cut may take; a killed process takes nothing, because writes
  // reach the system before replies.
  const server = await startServer({ port, dir, appendfsync: 'everysec' })
  process.send?.(server.port)
}

/** A client that reconnects, and fails pending commands instead of repeating them by itself. */
function connect(port: number): Redis {
  const redis = new Redis(port, { maxRetriesPerRequest: 0, retryStrategy: () => 20 })
  // The server is away: ioredis tries again by itself.
  redis.on('error', () => {})
  return redis
}

/** A worker: first the job that it left unfinished, then one job after another. */
async function work(name: string, port: number): Promise<void> {
  const redis = connect(port)
  const mine = `processing:${name}`
  while (true) {
    try {
      for (const job of await redis.lrange(mine, 0, -1)) await finish(redis, mine, job)
      while (true) {
        const job = await redis.blmove('jobs', mine, 'RIGHT', 'LEFT', 1)
        if (job !== null) await finish(redis, mine, job)
      }
    } catch {
      // The connection was lost in the middle of a job. The job is in the list.
      await sleep(20)
    }
  }
}

async function finish(redis: Redis, mine: string, job: string): Promise<void> {
  await sleep(2)
  // Taken off the list and recorded in one step: there is no moment in which a job is neither.
  await redis.multi().lrem(mine, 1, job).set(`result:${job}`, resultOf(job)).exec()
}

function resultOf(job: string): string {
  return String(Number(job) ** 2)
}

/** Puts jobs into the queue; a push whose answer was lost is done again. */
async function produce(redis: Redis, jobs: readonly number[]): Promise<void> {
  for (const job of jobs) {
    while (true) {
      try {
        await redis.lpush('jobs', job)
        break
      } catch {
        await sleep(20)
      }
    }
    await sleep(1)
  }
}

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'respite-work-queue-'))
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
  let [server, port] = await startServerProcess(0)
  const workers = Array.from({ length: WORKERS }, (_, i) => start('worker', String(i), String(port)))
  const redis = connect(port)
  const done = async (): Promise<number> => (await redis.keys('result:*')).length
  const reached = async (count: number): Promise<void> => {
    while (true) {
      const sofar = await done().catch(() => 0)
      if (sofar >= count) return
      if (Date.now() > deadline) throw new Error(`gave up: ${sofar} of ${JOBS} jobs done`)
      await sleep(10)
    }
  }

  try {
    const all = Array.from({ length: JOBS }, (_, i) => i)
    const producing = Array.from({ length: PRODUCERS }, (_, p) =>
      produce(
        connect(port),
        all.filter((job) => job % PRODUCERS === p),
      ),
    )

    await reached(JOBS / 4)
    // At a bad moment, if possible: while the worker works on a job.
    while ((await redis.llen('processing:0')) === 0) await sleep(1)
    await kill(workers[0]!)
    const left = await redis.llen('processing:0')
    console.log(`worker 0 was killed with ${left} job in hand; it goes back into the queue`)
    while ((await redis.lmove('processing:0', 'jobs', 'LEFT', 'RIGHT')) !== null);

    await reached(JOBS / 2)
    await kill(server)
    console.log('the server was killed')
    ;[server] = await startServerProcess(port)
    console.log('the server is back')

    await Promise.all(producing)
    await reached(JOBS)

    let lost = 0
    let wrong = 0
    for (const job of all) {
      const result = await redis.get(`result:${job}`)
      if (result === null) lost++
      else if (result !== resultOf(String(job))) wrong++
    }
    const waiting = await redis.llen('jobs')
    console.log(`${JOBS} jobs: ${JOBS - lost} done, ${lost} lost, ${wrong} wrong; still waiting: ${waiting}`)
    if (lost + wrong > 0) process.exitCode = 1
  } catch (error) {
    console.error(error)
    process.exitCode = 1
  } finally {
    for (const child of children) child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
  process.exit()
}
