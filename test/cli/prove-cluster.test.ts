// The proof passes for a healthy cluster, and finds a cluster that breaks its promises. A long run:
// `npm run soak`.

import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest'
import { ClusterTrial } from '../../src/prover/cluster/cluster-trial.ts'
import { Connection } from '../../src/prover/cluster/connection.ts'
import { problemOfRoles } from '../../src/prover/cluster/role-watch.ts'
import { STRIKES, type Strike } from '../../src/prover/cluster/strikes.ts'
import { runProveDurability } from '../../src/prover/prove-durability.ts'
import { sleep } from '../../src/util/time/real-time.ts'
import { program } from '../support/build.ts'
import { etcdMissing, natsServerMissing } from '../support/log-servers.ts'

/** Seed 14 begins with a kill of the leader. */
const RUN = process.env.SOAK ? ['--seconds', '600'] : ['--seconds', '1', '--seed', '14']

/** The broker whose clock is slow leads, and stands still for less than its lease and more than a silence. */
const SLOW_LEADER_STANDS_STILL: Strike = {
  name: 'the slow leader stands still',
  weight: 1,
  isInQuiet: true,
  async run(cluster) {
    const slow = cluster.brokers[0]!
    for (let leader = await cluster.leader(); leader !== slow; leader = await cluster.leader()) {
      const connection = new Connection(leader.host, leader.port)
      await connection.ask([['FAILOVER', 'TO', slow.host, String(slow.port)]], 5000).catch(() => {})
      connection.end()
    }
    const goOn = slow.pause()
    await sleep(2200)
    goOn()
  },
}

/** A directory for one test only: others continue when it has finished. */
function directoryOf({ onTestFinished }: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'respite-prove-test-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function prove(
  context: TestContext,
  ...args: string[]
): Promise<{ status: number | null; output: string; left: string[] }> {
  const dir = directoryOf(context)
  const child = spawn(process.execPath, [program(), 'prove-durability', '--cluster', '--dir', dir, ...args])
  context.onTestFinished(() => void child.kill('SIGTERM'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, output, left: readdirSync(dir) })))
}

describe.skipIf(natsServerMissing())('a cluster on JetStream', { timeout: 900_000 }, () => {
  test.concurrent('loses nothing under any strike', async (context) => {
    const { left, output, status } = await prove(context, ...RUN, '--verbose', 'yes')
    expect(output).toMatch(/[1-9]\d* rounds, \d+ changes of the leader/)
    expect(output).toMatch(/[1-9]\d* writes acknowledged, [1-9]\d* reads/)
    expect(output).toContain('Every promise was kept.')
    expect(status).toBe(0)
    expect(left).toEqual([])
  })

  test.concurrent('is found out when it replies before its log has the write', async (context) => {
    const trial = await ClusterTrial.start({
      dir: directoryOf(context),
      logKind: 'nats',
      program: [process.execPath, program()],
      seed: 1,
      settings: { appendfsync: 'everysec' },
      machines: 'plain',
      // Named subscribers may wait for messages that are lost.
      hearingMs: 100,
      strikes: STRIKES.filter(({ name }) => name === 'the leader is killed'),
    })
    context.onTestFinished(() => trial.end())
    while (trial.results.problems.length === 0 && trial.results.rounds < 20) await trial.round(() => true)
    expect(trial.results.problems.join('\n')).toMatch(/was acknowledged but is lost|no order explains/)
  })

  // At length: a message must be in flight when its connection ends.
  test.skipIf(!process.env.SOAK)('is found out when a named subscriber misses what was on its way', async (context) => {
    const trial = await ClusterTrial.start({
      dir: directoryOf(context),
      logKind: 'nats',
      program: [process.execPath, program()],
      seed: 2,
      // Messages in flight when a connection ends are not sent again.
      settings: { redeliver: '0' },
      hearingMs: 3000,
      machines: 'plain',
      strikes: STRIKES.filter(({ name }) => name === 'the leader is killed'),
    })
    context.onTestFinished(() => trial.end())
    while (trial.results.problems.length === 0 && trial.results.rounds < 20) await trial.round()
    expect(trial.results.problems.join('\n')).toMatch(/listener-\d has not heard /)
  })
})

describe.skipIf(!process.env.SOAK || natsServerMissing())('at length', { timeout: 900_000 }, () => {
  test('two shards on JetStream lose nothing', async (context) => {
    const { output, status } = await prove(context, '--shards', '2', ...RUN)
    expect(output).toContain('Every promise was kept.')
    expect(status).toBe(0)
  })

  test('two shards are found out when they reply before their logs have the write', async (context) => {
    const trial = await ClusterTrial.start({
      dir: directoryOf(context),
      logKind: 'nats',
      program: [process.execPath, program()],
      seed: 3,
      shards: 2,
      settings: { appendfsync: 'everysec' },
      machines: 'plain',
      strikes: STRIKES.filter(({ name }) => name === 'a leader is killed while slots move'),
    })
    context.onTestFinished(() => trial.end())
    while (trial.results.problems.length === 0 && trial.results.rounds < 30) await trial.round()
    expect(trial.results.problems.join('\n')).toMatch(/was acknowledged but is lost|no order explains/)
  })

  test('brokers are found out whose clocks differ by more than is assumed', async (context) => {
    const trial = await ClusterTrial.start({
      dir: directoryOf(context),
      logKind: 'nats',
      program: [process.execPath, program()],
      seed: 4,
      // A lease by the slow clock is two silences by the others.
      clockRates: [0.3, 1, 1],
      machines: 'plain',
      strikes: [SLOW_LEADER_STANDS_STILL],
    })
    context.onTestFinished(() => trial.end())
    while (trial.results.problems.length === 0 && trial.results.rounds < 40) await trial.round()
    expect(trial.results.problems.join('\n')).toMatch(/no order explains/)
  })
})

test.skipIf(!process.env.SOAK || etcdMissing())(
  'a cluster on etcd loses nothing',
  { timeout: 900_000 },
  async (context) => {
    const { output, status } = await prove(context, '--log-system', 'etcd', ...RUN)
    expect(output).toContain('Every promise was kept.')
    expect(status).toBe(0)
  },
)

describe('a broker that is asked for its role', () => {
  const LEADS = [
    '*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n',
    '$13\r\nrole:master\r\n\r\n',
    '*2\r\n$4\r\nrole\r\n$6\r\nmaster\r\n',
  ]
  const FOLLOWS = [
    '*2\r\n$5\r\nslave\r\n$0\r\n\r\n',
    '$12\r\nrole:slave\r\n\r\n',
    '*2\r\n$4\r\nrole\r\n$7\r\nreplica\r\n',
  ]

  /** Asks a server with these replies; `itself` = it names itself as the primary. */
  async function problem(answers: readonly string[], itself: boolean): Promise<string | undefined> {
    const server = net.createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.once('data', () => {
        const { port } = server.address() as net.AddressInfo
        const named = itself ? `*2\r\n$9\r\n127.0.0.1\r\n$${String(port).length}\r\n${port}\r\n` : '*-1\r\n'
        socket.end(answers.join('') + named)
      })
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as net.AddressInfo
    return problemOfRoles({ address: `127.0.0.1:${port}`, host: '127.0.0.1', isUp: true, name: 'b', port })
  }

  test('passes when all replies agree', async () => {
    expect(await problem(LEADS, true)).toBeUndefined()
    expect(await problem(FOLLOWS, false)).toBeUndefined()
  })

  test.each([0, 1, 2])('is found out when reply %d differs', async (at) => {
    expect(await problem(LEADS.with(at, FOLLOWS[at]!), true)).toMatch(/^b reports at the same moment: /)
  })

  test('is found out when it names itself but does not lead', async () => {
    expect(await problem(FOLLOWS, true)).toContain('"SENTINEL":"master"')
  })
})

test('the command line is explained', async () => {
  const printed: string[] = []
  const terminal = { print: (line: string) => void printed.push(line), confirm: async () => false }
  expect(await runProveDurability(['--cluster', '--log-system', 'kafka'], terminal)).toBe(2)
  expect(printed[0]).toContain('--log-system S')
})
