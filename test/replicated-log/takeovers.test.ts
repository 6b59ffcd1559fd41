// Leaders that die or stand still, as processes of their own: another node leads soon, and the former
// leader never answers what is not true any more. And logs whose own leader dies: writes go on.
//
// SOAK=1 repeats it, and prints and judges the durations:
//
//   SOAK=1 TAKEOVERS=100 npx vitest run --project usual test/replicated-log/takeovers.test.ts

import { loadavg } from 'node:os'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  etcdMissing,
  type LogServers,
  natsLog,
  natsServerMissing,
  startEtcds,
  startNatsServers,
} from '../support/log-servers.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

/** After kill -9 of the leader, on a machine that has nothing else to do. */
const TARGET_MS = { median: 1500, longest: 2500 }
/** After kill -9 of the log's own leader. JetStream elects a leader after 4 s to 9 s of silence. */
const LOG_TARGET_MS = { JetStream: 10_000, etcd: 2000 }
const LOG_DEATHS = Number(process.env.LOG_DEATHS ?? 10)
const TAKEOVERS = process.env.SOAK === undefined ? 1 : Number(process.env.TAKEOVERS ?? 25)
type Server = Awaited<ReturnType<typeof startServerProcess>>

describe.each([
  ['JetStream', natsServerMissing, startNatsServers, (servers: LogServers) => natsLog(servers, 'takeovers')],
  [
    'etcd',
    etcdMissing,
    startEtcds,
    ({ addresses }: LogServers) => `etcd://${addresses.map((one) => one.replace('http://', '')).join(',')}/takeovers`,
  ],
] as const)('on %s', (name, isMissing, startLog, logOf) => {
  describe.skipIf(isMissing())('a leader', () => {
    let servers: LogServers

    beforeAll(async () => {
      servers = await startLog()
    }, 60_000)

    afterAll(async () => {
      await servers?.stop()
    })

    async function start(dir: string): Promise<Server> {
      const server = await startServerProcess({ port: 0, dir, appendfsync: 'always', config: { log: logOf(servers) } })
      onTestFinished(() => {
        server.child.kill('SIGKILL')
      })
      return server
    }

    test('that is killed is replaced, and no acknowledged write is missing', async () => {
      const dirs = [temporaryDirectory(), temporaryDirectory()]
      const nodes = await Promise.all(dirs.map((dir) => start(dir)))
      const tookMs: number[] = []
      for (let i = 0; i < TAKEOVERS; i++) {
        const { index } = await eventually(async () => {
          const roles = await Promise.all(nodes.map(roleOf))
          const isReady = roles.includes('master') && roles.includes('slave')
          return isReady ? { index: roles.indexOf('master') } : undefined
        }, 'a leader and a follower')
        const other = nodes[1 - index]!
        await written(nodes[index]!, `before-${i}`)
        const beganMs = performance.now()
        nodes[index]!.child.kill('SIGKILL')
        await written(other, `after-${i}`)
        tookMs.push(performance.now() - beganMs)
        await nodes[index]!.exited
        nodes[index] = await start(dirs[index]!)
      }
      const client = clientOf(nodes[0]!)
      const all = Array.from({ length: TAKEOVERS }, (_, i) => [`before-${i}`, `after-${i}`]).flat()
      await eventually(async () => (await client.scard('set').catch(() => 0)) === all.length, 'all writes')
      expect((await client.smembers('set')).sort()).toEqual(all.sort())
      if (process.env.SOAK === undefined) return
      const { longest, median } = told(`${name}: kill -9 of the leader`, tookMs)
      expect(median).toBeLessThanOrEqual(TARGET_MS.median)
      expect(longest).toBeLessThanOrEqual(TARGET_MS.longest)
    }, 1_800_000)

    test.skipIf(process.env.SOAK === undefined)(
      "keeps every acknowledged write, and acknowledges soon again, when the log's own leader is killed",
      async () => {
        const nodes = await Promise.all([start(temporaryDirectory()), start(temporaryDirectory())])
        const tookMs: number[] = []
        for (let i = 0; i < LOG_DEATHS; i++) {
          const logLeader = await eventually(() => servers.leader('takeovers'), 'a leader of the log')
          const leader = await eventually(async () => {
            const roles = await Promise.all(nodes.map(roleOf))
            return roles.includes('slave') ? nodes[roles.indexOf('master')] : undefined
          }, 'a leader')
          await written(leader, `log-before-${i}`)
          const beganMs = performance.now()
          await logLeader.kill()
          // The node that led may lose the lead meanwhile.
          await written(nodes, `log-after-${i}`)
          tookMs.push(performance.now() - beganMs)
          logLeader.start()
          await eventually(async () => (await servers.leader('takeovers')) !== undefined, 'a leader of the log')
          await written(await leaderOf(nodes), `log-again-${i}`)
        }
        const client = clientOf(await leaderOf(nodes))
        const members = new Set(await client.smembers('set'))
        for (let i = 0; i < LOG_DEATHS; i++)
          for (const when of ['before', 'after', 'again']) expect(members).toContain(`log-${when}-${i}`)
        const { longest } = told(`${name}: kill -9 of the log's leader`, tookMs)
        expect(longest).toBeLessThanOrEqual(LOG_TARGET_MS[name])
      },
      1_800_000,
    )

    test('that stood still answers nothing of the time before, when it goes on', async () => {
      const nodes = [await start(temporaryDirectory()), await start(temporaryDirectory())]
      const leader = await eventually(async () => {
        const roles = await Promise.all(nodes.map(roleOf))
        return roles.includes('slave') ? nodes[roles.indexOf('master')] : undefined
      }, 'a leader')
      const other = nodes.find((node) => node !== leader)!
      await written(leader, 'old')
      const client = clientOf(leader)
      await client.ping()
      leader.child.kill('SIGSTOP')
      const answer = client.scard('set').catch((error: Error) => error)
      const before = await clientOf(other).scard('set')
      await written(other, 'new')
      leader.child.kill('SIGCONT')
      const said = await answer
      if (said !== before + 1) expect(said).toBeInstanceOf(Error)
    }, 60_000)
  })
})

/** Prints durations, and returns the middle one and the longest. */
function told(what: string, tookMs: readonly number[]): { median: number; longest: number } {
  const sorted = tookMs.toSorted((a, b) => a - b)
  const [median = 0, longest = 0] = [sorted[sorted.length >> 1], sorted.at(-1)]
  const list = sorted.map((ms) => ms.toFixed(0)).join(' ')
  console.log(
    `${what}: ${sorted.length} times, median ${median.toFixed(0)} ms, longest ${longest.toFixed(0)} ms, load ${loadavg()[0]!.toFixed(1)}; all: ${list}`,
  )
  return { median, longest }
}

function leaderOf(nodes: readonly Server[]): Promise<Server> {
  return eventually(async () => {
    const roles = await Promise.all(nodes.map(roleOf))
    return nodes[roles.indexOf('master')]
  }, 'a leader')
}

function clientOf({ port }: Server): Redis {
  const client = new Redis({
    port,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => 10,
  })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

/** A follower counts once it has heard who leads. */
async function roleOf(node: Server): Promise<unknown> {
  const client = new Redis({ port: node.port, maxRetriesPerRequest: 0, retryStrategy: () => null })
  client.on('error', () => {})
  try {
    const [role, , , link] = (await client.call('ROLE')) as unknown[]
    return role === 'slave' && link !== 'connected' ? undefined : role
  } catch {
    return undefined
  } finally {
    client.disconnect()
  }
}

/** Asks until one of the nodes has acknowledged a write. */
async function written(nodes: Server | readonly Server[], member: string): Promise<void> {
  const clients = [nodes].flat().map(clientOf)
  await eventually(async () => {
    const outcomes = await Promise.allSettled(clients.map((client) => client.sadd('set', member)))
    return outcomes.some(({ status }) => status === 'fulfilled')
  }, 'a write')
  for (const client of clients) client.disconnect()
}
