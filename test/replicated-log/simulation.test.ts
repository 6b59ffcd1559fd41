// Several nodes on one log, with random faults: acknowledged writes are kept, once, in order, and
// no leader serves outdated data.
//
// A failing seed can be run alone with SIMULATION_SEED=…; SIMULATION_TRACE=1 prints the events.
// With SOAK=1 there are thousands.

import { expect, test } from 'vitest'
import { seedOf } from '../support/seed.ts'
import { SABOTAGES } from './sabotage.ts'
import { simulate } from './simulation.ts'

const SEEDS = process.env.SIMULATION_SEEDS ?? (process.env.SOAK === undefined ? 8 : 5000)
const trace =
  process.env.SIMULATION_TRACE === undefined ? () => {} : (line: string) => process.stderr.write(`${line}\n`)

test('no fault of nodes, network or log loses, repeats or undoes an acknowledged write', async () => {
  const first = seedOf('SIMULATION_SEED')
  const count = process.env.SIMULATION_SEED === undefined ? Number(SEEDS) : 1
  let acknowledged = 0
  let epochs = 0
  let relays = 0
  for (let seed = first; seed < first + count; seed++) {
    const report = await simulate({ seed, trace })
    expect(report.problem, `SIMULATION_SEED=${seed}`).toBeUndefined()
    acknowledged += report.acknowledged
    epochs += report.epochs
    relays += report.relays
  }
  trace(`${count} seeds: ${acknowledged} operations acknowledged, ${epochs} epochs, ${relays} relays`)
  expect(acknowledged).toBeGreaterThan(50 * count)
}, 600_000)

// The first seeds that found each bug, so that the usual tests find it quickly.
test.each([
  ['a leader that answers without a lease', 5],
  ['a leader that answers before the quorum has its record', 1],
  ['readers that take what an earlier leader had under way', 20],
  ['a leader with clocks that all stand still while it is suspended', 44],
  ['a former leader that leaves connections open for a while', 8],
  ['a follower that takes messages which its leader would keep', 1],
  ['a node that forgets effects', 1],
])(
  'the simulation finds %s',
  async (mistake, first) => {
    const problems: string[] = []
    for (let seed = first; seed < first + 100 && problems.length === 0; seed++) {
      const { problem } = await simulate({ seed, ...SABOTAGES[mistake]! })
      if (problem !== undefined) problems.push(problem)
    }
    expect(problems).toHaveLength(1)
  },
  60_000,
)
