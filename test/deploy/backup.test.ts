// The drill of docs/operating.md: a copy is made while clients write, looked at, and restored.

import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { runCheckAof, runCheckRdb } from '../../src/cli/check-files.ts'
import type { Terminal } from '../../src/prover/terminal.ts'
import { eventually, startTestServer, temporaryDirectory } from '../support/server.ts'

interface Running {
  readonly redis: Redis
  /** A client that goes on writing; says how many of its numbers were acknowledged. */
  readonly written: () => number
}

async function serverUnderLoad(dir: string): Promise<Running> {
  const { port } = await startTestServer({ dir })
  const redis = new Redis(port)
  onTestFinished(() => redis.disconnect())
  let acknowledged = 0
  let isOver = false
  onTestFinished(() => {
    isOver = true
  })
  const writer = async (): Promise<void> => {
    while (!isOver) {
      await redis.rpush('numbers', acknowledged)
      acknowledged++
    }
  }
  // It ends with its connection.
  writer().catch(() => {})
  await eventually(() => acknowledged > 100)
  return { redis, written: () => acknowledged }
}

/** Starts a server on a restored directory and returns its numbers, which must be in order. */
async function restored(dir: string): Promise<string[]> {
  const { port } = await startTestServer({ dir })
  const redis = new Redis(port)
  onTestFinished(() => redis.disconnect())
  const numbers = await redis.lrange('numbers', 0, -1)
  expect(numbers).toEqual(numbers.map((_, i) => String(i)))
  return numbers
}

/** A terminal that keeps what is printed; nobody is there to say yes. */
function listening(): { lines: string[]; terminal: Terminal } {
  const lines: string[] = []
  return { lines, terminal: { print: (line) => void lines.push(line), confirm: () => Promise.resolve(false) } }
}

test('a copy of the append-only directory, made while clients write, holds everything acknowledged before', async () => {
  const [dir, backup] = [temporaryDirectory(), temporaryDirectory()]
  const { redis, written } = await serverUnderLoad(dir)
  await redis.bgrewriteaof()
  await redis.config('SET', 'auto-aof-rewrite-percentage', '0')
  await eventually(async () => /aof_rewrite_in_progress:0/.test(await redis.info('persistence')))
  const before = written()
  cpSync(join(dir, 'appendonlydir'), join(backup, 'appendonlydir'), { recursive: true })
  const { lines, terminal } = listening()
  await redis.config('SET', 'auto-aof-rewrite-percentage', '100')
  const manifest = join(backup, 'appendonlydir/appendonly.aof.manifest')
  expect(await runCheckAof([manifest], terminal), lines.join('\n')).toBe(0)
  expect((await restored(backup)).length).toBeGreaterThanOrEqual(before)
})

test('a snapshot, restored into an empty directory, becomes the first base of an append-only file', async () => {
  const [dir, backup] = [temporaryDirectory(), temporaryDirectory()]
  const { redis, written } = await serverUnderLoad(dir)
  const before = written()
  await redis.bgsave()
  await eventually(async () => /rdb_bgsave_in_progress:0/.test(await redis.info('persistence')))
  mkdirSync(backup, { recursive: true })
  cpSync(join(dir, 'dump.rdb'), join(backup, 'dump.rdb'))
  const { lines, terminal } = listening()
  expect(await runCheckRdb([join(backup, 'dump.rdb')], terminal)).toBe(0)
  expect(lines.join()).toMatch(/whole/)
  expect((await restored(backup)).length).toBeGreaterThanOrEqual(before)
})
