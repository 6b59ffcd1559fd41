// kill -9 of a real server in the middle of the work: everything it acknowledged is there after the next start, once.

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { program } from '../support/build.ts'
import { temporaryDirectory } from '../support/server.ts'

const PRODUCERS = 8
/** Pushes a producer has under way at a time. */
const PIPELINE = 4

interface Running {
  child: ChildProcess
  exited: Promise<unknown>
  socket: string
}

/** Runs the program. */
async function run(dir: string, policy: string): Promise<Running> {
  const socket = join(dir, 'socket')
  const options = ['--port', '0', '--unixsocket', socket, '--dir', dir, '--appendonly', 'yes', '--appendfsync', policy]
  const child = spawn(process.execPath, [program(), ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise((resolve) => child.once('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      output += chunk.toString()
      if (output.includes('is ready')) resolve()
    }
    child.stdout!.on('data', hear)
    child.stderr!.on('data', hear)
    child.once('close', () => reject(new Error(`the server ended:\n${output}`)))
  })
  return { child, exited, socket }
}

function connect(socket: string): Redis {
  const redis = new Redis({ path: socket, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  return redis
}

test.each(['always', 'everysec', 'no'])(
  'killed under appendfsync %s it loses nothing it acknowledged',
  async (policy) => {
    const dir = temporaryDirectory()
    const sent = new Set<string>()
    const acknowledged: string[] = []
    let last = 0
    for (let life = 0; life < 3; life++) {
      const { child, exited, socket } = await run(dir, policy)
      const checker = connect(socket)
      const jobs = await checker.lrange('jobs', 0, -1)
      // Nothing acknowledged is missing, nothing is there twice, nothing was made up.
      expect(new Set(jobs).size).toBe(jobs.length)
      const found = new Set(jobs)
      expect(acknowledged.filter((job) => !found.has(job))).toEqual([])
      expect(jobs.filter((job) => !sent.has(job))).toEqual([])
      if (life === 2) {
        // A transaction is there wholly or not at all.
        expect(Number(await checker.get('count'))).toBe(jobs.length)
        return
      }
      const enough = acknowledged.length + 300
      const producers = Array.from({ length: PRODUCERS }, async () => {
        const redis = connect(socket)
        const push = async (): Promise<void> => {
          while (true) {
            const job = `job ${last++}`
            sent.add(job)
            await redis.multi().rpush('jobs', job).incr('count').exec()
            acknowledged.push(job)
            if (acknowledged.length >= enough) child.kill('SIGKILL')
          }
        }
        await Promise.allSettled(Array.from({ length: PIPELINE }, push))
      })
      await Promise.all(producers)
      expect(acknowledged.length).toBeGreaterThanOrEqual(enough)
      await exited
    }
  },
)

// ── everything at once ───────────────────────────────────────────────────────

const SCRIPT = "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])"

/** Ways to write item `n`; when the promise resolves it was acknowledged. What is read back are the items, in order. */
interface Way {
  write(redis: Redis, key: string, n: number): Promise<unknown>
  read(redis: Redis, key: string): Promise<string[]>
}

async function listAndCount(redis: Redis, key: string): Promise<string[]> {
  const items = await redis.lrange(key, 0, -1)
  // A unit is there wholly or not at all.
  expect(Number(await redis.get(`${key}:count`)), key).toBe(items.length)
  return items
}

const WAYS: Record<string, Way> = {
  RPUSH: {
    write: (redis, key, n) => redis.rpush(key, n),
    read: (redis, key) => redis.lrange(key, 0, -1),
  },
  LMOVE: {
    async write(redis, key, n) {
      await redis.rpush(`${key}:wait`, n)
      await redis.lmove(`${key}:wait`, `${key}:active`, 'LEFT', 'RIGHT')
      await redis.lmove(`${key}:active`, `${key}:done`, 'LEFT', 'RIGHT')
    },
    async read(redis, key) {
      const lists = await Promise.all(['done', 'active', 'wait'].map((list) => redis.lrange(`${key}:${list}`, 0, -1)))
      return lists.flat()
    },
  },
  MULTI: {
    write: (redis, key, n) => redis.multi().rpush(key, n).incr(`${key}:count`).exec(),
    read: listAndCount,
  },
  EVAL: {
    write: (redis, key, n) => redis.eval(SCRIPT, 2, key, `${key}:count`, n),
    read: listAndCount,
  },
  XADD: {
    write: (redis, key, n) => redis.xadd(key, '*', 'n', n),
    read: async (redis, key) => (await redis.xrange(key, '-', '+')).map(([, fields]) => fields[1]!),
  },
}

interface Work {
  way: string
  key: string
  sent: number
  acknowledged: number
  /** What was there when it was first looked for after the kill; from then on it stays so. */
  found: number | undefined
}

const KILLS = process.env.SOAK ? 40 : 2
const COPIES = 3

test(`killed ${KILLS} times in the middle of everything, under always, it keeps what it acknowledged, in order, once, in whole units`, {
  timeout: process.env.SOAK ? 600_000 : 90_000,
}, async () => {
  const dir = temporaryDirectory()
  const works: Work[] = []
  const begun = { BGSAVE: 0, BGREWRITEAOF: 0 }
  let killedWhileSaving = 0
  for (let life = 0; ; life++) {
    const { child, exited, socket } = await run(dir, 'always')
    const checker = connect(socket)
    for (const work of works) {
      const items = await WAYS[work.way]!.read(checker, work.key)
      expect(items, work.key).toEqual(items.map((_, i) => `${i}`))
      expect(items.length, work.key).toBeGreaterThanOrEqual(work.acknowledged)
      expect(items.length, work.key).toBeLessThanOrEqual(work.sent)
      work.found ??= items.length
      expect(items.length, work.key).toBe(work.found)
    }
    if (life === KILLS) break
    // Something for a snapshot to be busy with.
    await checker.eval("for i = 1, 20000 do redis.call('SET', KEYS[1] .. i, i) end", 1, `filler:${life}:`)
    let acknowledged = 0
    let dying = false
    const enough = 200 + 400 * (life % 4)
    const producers = Object.entries(WAYS).flatMap(([way, { write }]) =>
      Array.from({ length: COPIES }, async (_, copy) => {
        const work: Work = { way, key: `${way}:${life}:${copy}`, sent: 0, acknowledged: 0, found: undefined }
        works.push(work)
        const redis = connect(socket)
        for (;;) {
          await write(redis, work.key, work.sent++)
          work.acknowledged++
          acknowledged++
        }
      }),
    )
    const operator = connect(socket)
    const operate = async (): Promise<void> => {
      for (let i = life; ; i++) {
        const command = i % 2 === 0 ? 'BGSAVE' : 'BGREWRITEAOF'
        await operator.call(command)
        begun[command]++
        while (/(bgsave|rewrite)_in_progress:1/.test(await operator.info('persistence'))) {
          // In the middle of it.
          if (acknowledged < enough || dying) continue
          dying = true
          killedWhileSaving++
          child.kill('SIGKILL')
        }
      }
    }
    const ended = await Promise.allSettled([...producers, operate()])
    for (const { status } of ended) expect(status).toBe('rejected')
    await exited
    expect(child.signalCode).toBe('SIGKILL')
  }
  expect(killedWhileSaving).toBe(KILLS)
  expect(begun.BGSAVE).toBeGreaterThan(0)
  expect(begun.BGREWRITEAOF).toBeGreaterThan(0)
  for (const way of Object.keys(WAYS)) {
    expect(
      works.reduce((sum, work) => sum + (work.way === way ? work.acknowledged : 0), 0),
      way,
    ).toBeGreaterThan(0)
  }
})
