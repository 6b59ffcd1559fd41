// The shadow judge, briefly: every kind of event once. README.md tells of it; `npm run shadow` is the same for as long as one likes.

import { expect, onTestFinished, test } from 'vitest'
import { openBroker } from '../../src/index.ts'
import { redisServerIsOlder, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { seedOf } from '../support/seed.ts'
import { Comparison, Difference, type Subject, UNITS } from './comparison.ts'
import { judge, KINDS } from './judge.ts'
import { Link } from './link.ts'
import { ModelOracle } from './oracle.ts'
import { Traffic } from './traffic.ts'

const SEED = seedOf('SHADOW_SEED')
/** A soak takes an hour, shared by ten seeds. */
const SEEDS = process.env.SOAK === undefined ? [SEED] : Array.from({ length: 10 }, (_, i) => SEED + i)
const SECONDS = process.env.SOAK === undefined ? 1 : 360
const DATABASES = [0, 1]

const missing = redisServerMissing() || redisServerIsOlder()

test.each(SEEDS)(
  'this server answers and holds what it should after everything that may happen to it (seed %d)',
  async (seed) => {
    const oracle = missing ? 'model' : 'redis-server'
    const verdict = await judge({ seconds: SECONDS, seed, oracle, brief: process.env.SOAK === undefined })
    console.log(`shadow: seed ${seed}, ${verdict.commands} commands, ${verdict.values} values beside ${verdict.oracle}`)
    expect(verdict.difference).toBeUndefined()
    expect([...verdict.kinds.keys()].sort()).toEqual([...KINDS].sort())
    expect(verdict.values).toBeGreaterThan(1000)
  },
  (SECONDS + 240) * 1000,
)

/** One server behind one connection for each lane. */
function subjectOf(connect: () => Promise<Link>): Subject {
  const links: Promise<Link>[] = []
  const link = (lane: number): Promise<Link> => {
    links[lane] ??= connect()
    return links[lane]
  }
  onTestFinished(async () => {
    for (const one of links) (await one)?.close()
  })
  return { link, readers: async () => [await link(0)] }
}

/** A subject beside the model. */
function besideModel(subject: Subject, seed: number): Comparison {
  const traffic = new Traffic(seed, { prefixes: ['a', 'b'], databases: DATABASES, only: new ModelOracle().only })
  return new Comparison(subject, new ModelOracle(), traffic, { databases: DATABASES, lanes: 2, units: UNITS })
}

test.skipIf(missing)('the model answers and holds what redis-server does', async () => {
  const server = await startRedisServer()
  onTestFinished(() => server.stop())
  const comparison = besideModel(
    subjectOf(() => Link.open(server.socketPath)),
    SEED,
  )
  await comparison.write(12)
  await comparison.check('after some commands')
})

test('a value that no command wrote is found, and told with its key, its place and its last commands', async () => {
  const broker = await openBroker()
  onTestFinished(() => broker.close())
  const comparison = besideModel(
    subjectOf(async () => new Link(broker.connect())),
    SEED,
  )
  const commands = [{ words: ['HSET', 'a:hash:1', 'f', 'right', 'g', 'right'], keys: ['a:hash:1'] }]
  await comparison.send(0, [{ form: 'plain', database: 0, commands }])
  await comparison.check('before')
  await broker.call('HSET', 'a:hash:1', 'f', 'rings')
  const found = await comparison.check('afterwards').catch((error: unknown) => error)
  expect(found).toBeInstanceOf(Difference)
  const { message } = found as Difference
  expect(message).toContain('afterwards: 1 of 1 values differ')
  expect(message).toContain('database 0, key "a:hash:1"')
  expect(message).toMatch(/1 of 2 parts differ\nfield "f", from byte 2:\n {2}ours: +"ngs".*\n {2}expected: "ght"/)
  expect(message).toContain('#1 [0] HSET a:hash:1 f right g right')
})

test('a reply that differs is found in a script, too', async () => {
  const broker = await openBroker()
  onTestFinished(() => broker.close())
  const comparison = besideModel(
    subjectOf(async () => new Link(broker.connect())),
    SEED,
  )
  await broker.call('SET', 'a:string:1', 'unknown to the model')
  const commands = [
    { words: ['STRLEN', 'a:string:2'], keys: ['a:string:2'] },
    { words: ['STRLEN', 'a:string:1'], keys: ['a:string:1'] },
  ]
  await expect(comparison.send(0, [{ form: 'script', database: 0, commands }])).rejects.toThrow(
    'database 0: STRLEN a:string:1',
  )
})
