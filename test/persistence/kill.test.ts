// kill -9 of a real server in the middle of the work: everything it acknowledged is there after the next start, once.

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../support/server.ts'

const PROGRAM = join(import.meta.dirname, '../../src/cli/respite.ts')
const PRODUCERS = 8
/** Pushes a producer has under way at a time. */
const PIPELINE = 4

interface Running {
  child: ChildProcess
  exited: Promise<unknown>
  socket: string
}

/** Runs the program from its sources, as `npm start` would run the build. */
async function run(dir: string, policy: string): Promise<Running> {
  const socket = join(dir, 'socket')
  const options = ['--port', '0', '--unixsocket', socket, '--dir', dir, '--appendonly', 'yes', '--appendfsync', policy]
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
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
