// Leaders that die or stand still, as processes of their own: another node leads soon, and the former
// leader never answers what is not true any more. SOAK=1 repeats it and prints the durations.

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
      tookMs.sort((a, b) => a - b)
      const list = tookMs.map((ms) => ms.toFixed(0)).join(' ')
      if (process.env.SOAK !== undefined) console.log(`${name}: ${TAKEOVERS} takeovers after kill -9, in ms: ${list}`)
    }, 600_000)

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

/** Asks until a write is acknowledged. */
async function written(node: Server, member: string): Promise<void> {
  const client = clientOf(node)
  await eventually(
    async () =>
      client.sadd('set', member).then(
        () => true,
        () => false,
      ),
    'a write',
  )
  client.disconnect()
}
