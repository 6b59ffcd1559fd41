// Libraries at their default settings, and BullMQ, while a cluster has faults: nothing that they were
// told is done is lost. SOAK=1 runs all strikes at length, on both logs.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ClusterTrial, type TrialOptions } from '../../src/prover/cluster/cluster-trial.ts'
import { STRIKES } from '../../src/prover/cluster/strikes.ts'
import { program } from '../support/build.ts'
import { etcdMissing, natsServerMissing } from '../support/log-servers.ts'
import { clusterLibraryLoads, libraryLoads } from './library-loads.ts'
import type { LibraryTotals } from './library-totals.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 10)
const SEED = Number(process.env.SEED ?? 61)

async function prove(options: Partial<TrialOptions>): Promise<{ trial: ClusterTrial; totals: LibraryTotals }> {
  const dir = mkdtempSync(join(tmpdir(), 'respite-libraries-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const totals: LibraryTotals = { acknowledged: 0, failed: 0, repeated: 0, jobs: 0, stalled: 0 }
  const trial = await ClusterTrial.start({
    dir,
    logKind: 'nats',
    program: [process.execPath, program()],
    seed: SEED,
    loads: (brokers, _random, prefix, isOneSlot) =>
      isOneSlot ? clusterLibraryLoads(brokers, prefix, totals) : libraryLoads(brokers, prefix, totals),
    trace: (line) => console.log(line),
    ...options,
  })
  onTestFinished(() => trial.end())
  while (trial.results.problems.length === 0 && trial.results.rounds < ROUNDS) await trial.round()
  return { trial, totals }
}

const PLACES = [
  ['JetStream', natsServerMissing, { logKind: 'nats' }],
  ['etcd', etcdMissing, { logKind: 'etcd' }],
  ['two shards on JetStream', natsServerMissing, { logKind: 'nats', shards: 2 }],
] as const

describe.skipIf(!process.env.SOAK)('libraries', () => {
  for (const [name, isMissing, options] of PLACES) {
    test.skipIf(isMissing())(
      `lose nothing that was acknowledged (${name})`,
      async () => {
        const { totals, trial } = await prove(options)
        const { failovers, problems, rounds } = trial.results
        console.log(
          `${name}: seed ${SEED}, ${rounds} rounds, ${failovers} changes of the leader, ${JSON.stringify(totals)}`,
        )
        expect(problems).toEqual([])
        expect(totals.acknowledged).toBeGreaterThan(100)
      },
      3_600_000,
    )
  }

  test.skipIf(natsServerMissing())(
    'find a cluster that replies before its log has the write',
    async () => {
      const { trial } = await prove({
        settings: { appendfsync: 'everysec' },
        machines: 'plain',
        strikes: STRIKES.filter(({ name }) => name === 'the leader is killed'),
      })
      expect(trial.results.problems.join('\n')).toMatch(/(redis|BullMQ).*(is lost|was added and is gone)/)
    },
    600_000,
  )
})
