// Slots that move between shards, by chance and misfortune: what was acknowledged is kept, once, in order, and in one shard.
//
// A seed that fails is run alone with SHARDS_SEED=…; SIMULATION_TRACE=1 shows what happened. With SOAK=1 there are thousands.

import { expect, test } from 'vitest'
import { seedOf } from '../support/seed.ts'
import { simulateShards } from './simulation.ts'

const SEEDS = process.env.SHARDS_SEEDS ?? (process.env.SOAK === undefined ? 4 : 3000)
const trace =
  process.env.SIMULATION_TRACE === undefined ? () => {} : (line: string) => process.stderr.write(`${line}\n`)

test('whatever happens to nodes, logs and network while slots move, nothing acknowledged is lost, repeated or undone', async () => {
  const first = seedOf('SHARDS_SEED')
  const count = process.env.SHARDS_SEED === undefined ? Number(SEEDS) : 1
  let acknowledged = 0
  let moves = 0
  for (let seed = first; seed < first + count; seed++) {
    const report = await simulateShards({ seed, trace })
    expect.soft(report.problem, `SHARDS_SEED=${seed}`).toBeUndefined()
    acknowledged += report.acknowledged
    moves += report.moves
  }
  trace(`${count} seeds: ${acknowledged} operations acknowledged, ${moves} moves done`)
  expect(acknowledged).toBeGreaterThan(30 * count)
  expect(moves).toBeGreaterThan(count)
}, 3_600_000)
