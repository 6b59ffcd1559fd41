// Libraries as their users set them up, while the lead is handed over under load: no error, and each
// command is done once. Durations are not judged, because machines that run tests are busy; SOAK=1
// prints them.

import { Cluster, Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type LogServers, natsLog, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

const WRITERS = 8
const HANDOVERS = process.env.SOAK === '1' ? 20 : 1
/** ioredis waits 50 ms and up to 199 ms more, by chance, before it connects again. */
const RETRIES: [string, { retryStrategy?: () => number }][] = [['', {}]]
if (process.env.SOAK === '1') RETRIES.push([', 20 ms before it connects again', { retryStrategy: () => 20 }])
/** Commands between two handovers. */
const COMMANDS = 60

type Broker = Awaited<ReturnType<typeof startServerProcess>>

/** A library's client, as this test needs it. */
interface Writer {
  push(key: string, value: string): Promise<unknown>
  range(key: string): Promise<string[]>
}

describe.skipIf(natsServerMissing())('a planned handover under load', () => {
  let nats: LogServers
  let streams = 0

  beforeAll(async () => {
    nats = await startNatsServers()
  })

  afterAll(async () => {
    await nats?.stop()
  })

  async function startBrokers(config: Record<string, string> = {}): Promise<Broker[]> {
    const log = natsLog(nats, `handover-${++streams}`)
    const servers = await Promise.all(
      [0, 1].map(async () => {
        const server = await startServerProcess({
          port: 0,
          dir: temporaryDirectory(),
          appendfsync: 'always',
          config: { log, 'shard-name': 'orders', ...config },
        })
        onTestFinished(() => {
          server.child.kill('SIGKILL')
        })
        return server
      }),
    )
    await ready(servers)
    return servers
  }

  async function leaderOf(servers: readonly Broker[]): Promise<Broker> {
    return eventually(async () => {
      for (const server of servers) if ((await roleOf(server)) === 'master') return server
      return undefined
    }, 'a leader')
  }

  async function roleOf({ port }: Broker): Promise<unknown> {
    const client = new Redis({ port, maxRetriesPerRequest: 0, retryStrategy: () => null })
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

  /** Waits until both take part: a broker that still starts does not take the lead at once. */
  async function ready(servers: readonly Broker[]): Promise<void> {
    await eventually(async () => {
      const roles = await Promise.all(servers.map(roleOf))
      return roles.includes('master') && roles.includes('slave')
    }, 'a leader and a follower')
  }

  /** Hands over under load, and compares the lists with what their writers were told. */
  async function run(name: string, servers: readonly Broker[], writer: Writer): Promise<void> {
    const errors: unknown[] = []
    const tookMs: number[] = []
    const longestMs: number[] = []
    let done = 0
    let isOver = false
    let isAffected = false
    const acknowledged = await Promise.all([
      ...Array.from({ length: WRITERS }, async (_, i) => {
        let next = 0
        for (; !isOver; next++) {
          const beganMs = performance.now()
          const wasAffected = isAffected
          try {
            await writer.push(`list:{${i}}`, `${next}`)
          } catch (error) {
            errors.push(error)
          }
          if (wasAffected || isAffected) {
            const ms = performance.now() - beganMs
            tookMs.push(ms)
            longestMs.push(Math.max(longestMs.pop() ?? 0, ms))
          }
          done++
        }
        return next
      }),
      (async () => {
        for (let i = 0; i < HANDOVERS; i++) {
          const before = done
          await eventually(() => done >= before + COMMANDS, 'commands')
          const leader = await leaderOf(servers)
          const admin = new Redis({ port: leader.port, retryStrategy: () => null })
          admin.on('error', () => {})
          isAffected = true
          longestMs.push(0)
          await admin.call('FAILOVER').catch(() => undefined)
          admin.disconnect()
          await eventually(async () => (await roleOf(leader)) === 'slave', 'the lead was handed over')
          await leaderOf(servers)
          const then = done
          await eventually(() => done >= then + WRITERS, 'commands of the next leader')
          isAffected = false
        }
        isOver = true
        return 0
      })(),
    ])
    expect(errors).toEqual([])
    for (let i = 0; i < WRITERS; i++)
      expect(await writer.range(`list:{${i}}`)).toEqual(Array.from({ length: acknowledged[i]! }, (_, n) => `${n}`))
    if (process.env.SOAK !== '1') return
    tookMs.sort((a, b) => a - b)
    const at = (part: number) => tookMs[Math.floor(part * (tookMs.length - 1))]!.toFixed(0)
    console.log(
      `${name}: ${HANDOVERS} handovers, ${done} commands, ${tookMs.length} affected: shortest ${at(0)} ms, median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms; longest of each handover: ${longestMs.map((ms) => ms.toFixed(0)).join(' ')}`,
    )
  }

  test('node-redis', async () => {
    const servers = await startBrokers()
    const leader = await leaderOf(servers)
    const client = createClient({ socket: { port: leader.port, host: '127.0.0.1' } })
    const failures: unknown[] = []
    client.on('error', (error) => failures.push(error))
    await client.connect()
    onTestFinished(() => client.destroy())
    await run('node-redis', servers, {
      push: (key, value) => client.rPush(key, value),
      range: (key) => client.lRange(key, 0, -1),
    })
    expect(failures).toEqual([])
  })

  test.each(RETRIES)('ioredis with Sentinel%s', async (name, options) => {
    const servers = await startBrokers()
    await leaderOf(servers)
    const client = new Redis({
      sentinels: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
      name: 'orders',
      ...options,
    })
    client.on('error', () => {})
    onTestFinished(() => client.disconnect())
    await run(`ioredis with Sentinel${name}`, servers, {
      push: (key, value) => client.rpush(key, value),
      range: (key) => client.lrange(key, 0, -1),
    })
  })

  test('ioredis as a cluster client', async () => {
    const servers = await startBrokers({ 'cluster-enabled': 'yes' })
    await leaderOf(servers)
    const client = new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })))
    client.on('error', () => {})
    onTestFinished(() => client.disconnect())
    await run('ioredis as a cluster client', servers, {
      push: (key, value) => client.rpush(key, value),
      range: (key) => client.lrange(key, 0, -1),
    })
  })
})
