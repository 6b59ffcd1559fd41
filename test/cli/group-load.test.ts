// The consumers of a stream with a group, as the proof of a cluster runs them: their records
// contradict nothing on a broker without faults, and each broken promise is found.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prepareBrokers } from '../../src/prover/cluster/broker.ts'
import { Connection } from '../../src/prover/cluster/connection.ts'
import { GroupLoad } from '../../src/prover/cluster/group-load.ts'
import { Machines } from '../../src/prover/cluster/machines.ts'
import type { TrialProcess } from '../../src/prover/cluster/trial-process.ts'
import type { Reply } from '../../src/prover/durability/write-methods.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { program } from '../support/build.ts'
import { eventually } from '../support/server.ts'

const KEY = 'p:jobs'
const DELIVERED = 60

let dir: string
let broker: TrialProcess
let load: GroupLoad

async function ask(...requests: string[][]): Promise<Reply[]> {
  const connection = new Connection(broker.host, broker.port)
  return connection.ask(requests, 10_000).finally(() => connection.end())
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'respite-group-'))
  const { all } = await Machines.plain(['broker'], dir)
  const settings = { appendfsync: 'no', appendonly: 'no', log: '', 'log-snapshots': '' }
  broker = prepareBrokers(all, { dir, log: '', program: [process.execPath, program()], settings, snapshots: '' })[0]!
  broker.start()
  await eventually(
    () =>
      ask(['PING']).then(
        ([reply]) => reply === 'PONG',
        () => false,
      ),
    'a broker',
  )
  load = new GroupLoad([broker], new Random(5), 'p:')
  load.start()
})

afterEach(async () => {
  await load.stop()
  await broker.end()
  rmSync(dir, { recursive: true, force: true })
})

/** Ends the load some entries later, and returns what was found. */
async function problems(): Promise<string> {
  const { delivered } = load
  await eventually(() => load.delivered > delivered + DELIVERED, 'entries')
  await load.stop()
  return (await load.problems([broker])).join('\n')
}

test('a group whose promises were kept', async () => {
  expect(await problems()).toBe('')
})

test.each([
  // Each request does to the group what a broken broker would do.
  [
    'goes back to the beginning',
    ['XGROUP', 'SETID', KEY, 'workers', '0'],
    /was delivered to .* and to .*, without a claim/,
  ],
  ['loses its stream', ['XTRIM', KEY, 'MAXLEN', '0'], /was acknowledged but is lost/],
  ['forgets what is pending', ['XGROUP', 'DELCONSUMER', KEY, 'workers', 'consumer-1'], /no consumer has it/],
  ['adds an entry of its own', ['XADD', KEY, '*', 'value', 'x'], /entry x was never added/],
])('a group that %s is found out', async (_, sabotage, problem) => {
  await eventually(() => load.delivered > DELIVERED, 'entries')
  // A consumer may have nothing pending at one moment.
  await eventually(async () => (await ask(sabotage))[0] !== 0, 'the sabotage has an effect')
  expect(await problems()).toMatch(problem)
})

test('an entry that was acknowledged, and is pending again, is found out', async () => {
  await eventually(() => load.delivered > DELIVERED, 'entries')
  await load.stop()
  const [entries] = await ask(['XRANGE', KEY, '-', '+'])
  await ask(['XGROUP', 'SETID', KEY, 'workers', '0'], ['XREADGROUP', 'GROUP', 'workers', 'x', 'STREAMS', KEY, '>'])
  expect((entries as Reply[]).length).toBeGreaterThan(0)
  expect((await load.problems([broker])).join('\n')).toMatch(/was acknowledged, and is pending/)
})
