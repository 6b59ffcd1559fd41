// Housekeeping that never rests (src/util/restless.ts): a run of random commands meets every kind of it, and the data is
// what the journal says, what the snapshot says, and what a model that knows nothing of memory says.

import { expect, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { HOUSEKEEPING, RESTLESS, timesOf } from '../../src/util/restless.ts'
import type { TestClient } from '../support/engine.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { randomCommand } from '../support/random-commands.ts'
import { type SavingEngine, startSaving } from '../support/saving.ts'
import { seedOf } from '../support/seed.ts'

const SEED = seedOf('RESTLESS_SEED')
const ROUNDS = 3
const COMMANDS = process.env.SOAK ? 5000 : 200
const settings = { appendonly: 'yes', 'enable-debug-command': 'yes' } as const

test.runIf(RESTLESS)(`a run meets every kind, and loses nothing in restarts (seed ${SEED})`, async () => {
  const random = new Random(SEED)
  const disk = new MemoryDisk()
  let run = await startSaving({ disk, settings, tickMs: 1 })
  for (let round = 0; round < ROUNDS; round++) {
    await ask(run, random)
    shrink(run)
    expireField(run)
    if (round === ROUNDS - 1) evict(run)
    await run.finish()
    for (const db of run.engine.databases) db.check()
    const client = run.connect()
    const digest = digestOf(client)
    // What DEBUG RELOAD finds is the snapshot; what the restart finds is the journal.
    client.ask('DEBUG', 'RELOAD')
    await run.finish()
    expect(client.received()).toBe('+OK\r\n')
    expect(digestOf(client), `after RELOAD in round ${round}`).toBe(digest)
    const nowMs = run.engine.environment.clock.now()
    run.engine.stop()
    run = await startSaving({ disk, settings, atMs: nowMs, tickMs: 1 })
    expect(digestOf(run.connect()), `after a restart in round ${round}`).toBe(digest)
  }
  run.engine.stop()
  // A kind that no run reaches is not tested.
  expect(HOUSEKEEPING.filter((kind) => timesOf(kind) === 0)).toEqual([])
})

/** Sends random commands, among which saves and rewrites walk. */
async function ask(run: SavingEngine, random: Random): Promise<void> {
  const client = run.connect()
  for (let i = 0; i < COMMANDS; i++) {
    client.ask(...randomCommand(random, run.engine.environment.clock.now()))
    if (random.below(5) === 0) run.clock.advance(1 + random.below(20))
    if (random.below(3) === 0) run.slice()
    if (random.below(100) === 0) client.ask(random.below(2) === 0 ? 'BGSAVE' : 'BGREWRITEAOF')
    if (random.below(50) === 0) await run.finish()
  }
}

/** Takes members from a large set until its index has far more room than it needs. */
function shrink(run: SavingEngine): void {
  const client = run.connect()
  client.ask('SADD', 'shrinking', ...Array.from({ length: 300 }, (_, i) => `member ${i}`))
  for (let i = 0; i < 290; i += 10)
    client.ask('SREM', 'shrinking', ...Array.from({ length: 10 }, (_, k) => `member ${i + k}`))
}

/** Has a field expire that no command asks for. */
function expireField(run: SavingEngine): void {
  const client = run.connect()
  client.ask('HSET', 'expiring', 'one', '1', 'two', '2')
  client.ask('HPEXPIRE', 'expiring', 5, 'FIELDS', 1, 'one')
  run.clock.advance(10)
  client.ask('PING')
}

/** Has some keys evicted, one at a time. */
function evict(run: SavingEngine): void {
  const client = run.connect()
  for (let i = 0; i < 50; i++) client.ask('SET', `evicted ${i}`, 'x'.repeat(4000))
  client.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random')
  // What is freed anyway, of removed values, is less than this.
  client.ask('CONFIG', 'SET', 'maxmemory', String(run.engine.upkeep.memory.boundedBytes - 150_000))
  for (let i = 0; i < 20; i++) client.ask('SET', 'one more', String(i))
  client.ask('CONFIG', 'SET', 'maxmemory', '0')
}

function digestOf(client: TestClient): string {
  const digest = client.ask('DEBUG', 'DIGEST')
  expect(digest).toMatch(/^\+[0-9a-f]{40}\r\n$/)
  return digest
}
