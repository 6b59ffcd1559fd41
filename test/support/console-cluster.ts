// Three brokers on one log, with traffic, beside a broker that they name: for pictures of the page that
// shows all of them. One of the three has just been killed.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePorts } from '../../src/util/free-ports.ts'
import { sleep } from '../../src/util/time/real-time.ts'
import { natsLog, startNatsServers } from './log-servers.ts'
import { eventually } from './server.ts'
import { startServerProcess } from './server-process.ts'

const HOSTS = ['127.0.0.41', '127.0.0.42', '127.0.0.43']
/** The lines of the page are as long as there was traffic. */
const TRAFFIC_MS = 200_000
/** The broker that dies does so before the end of that. */
const DEAD_MS = 20_000
const PAUSE_MS = 50

export interface ConsoleCluster {
  /** The console of a follower that lives. */
  readonly url: string
  close(): Promise<void>
}

/** `named`: the address of another console, which the brokers name. */
export async function openCluster(named: string): Promise<ConsoleCluster> {
  const nats = await startNatsServers()
  const [http = 0, port = 0] = await freePorts(2)
  const brokers = await Promise.all(
    HOSTS.map((host) =>
      startServerProcess({
        port,
        host,
        dir: mkdtempSync(join(tmpdir(), 'respite-console-')),
        config: {
          'http-port': String(http),
          'http-bind': host,
          'cluster-announce-ip': host,
          'replica-announce-ip': host,
          'cluster-enabled': 'yes',
          'shard-name': 'orders',
          log: natsLog(nats, 'orders'),
          console: 'yes',
          channel: 'orders.* keep 1h',
          'console-brokers': `shop=${named}/console/`,
        },
      }),
    ),
  )
  const clients = HOSTS.map((host) => new Redis({ host, port }))
  for (const client of clients) client.on('error', () => {})
  const roles = (): Promise<unknown[]> =>
    Promise.all(clients.map(async (client) => ((await client.role()) as unknown[])[0]))
  const leader = await eventually(async () => {
    const at = (await roles()).indexOf('master')
    return at < 0 ? undefined : at + 1
  }, 'a leader')
  const first = leader - 1
  const followers = [0, 1, 2].filter((i) => i !== first)
  const url = `http://${HOSTS[followers[0]!]}:${http}`
  for (const i of followers) await clients[i]!.subscribe('orders.eu')
  let isOver = false
  const traffic = (async () => {
    for (let i = 0; !isOver; i++) {
      const pipeline = clients[first]!.pipeline()
      const count = 8 + Math.round(6 * Math.sin(i / 60))
      for (let j = 0; j < count; j++) pipeline.publish('orders.eu', '{"sku":"pears"}').incr(`sold:${j}`)
      await pipeline.exec()
      await sleep(PAUSE_MS)
    }
  })()
  const until = performance.now() + TRAFFIC_MS
  for (let isDead = false; performance.now() < until; await sleep(2000)) {
    // Figures come each second while a viewer looks.
    await (await fetch(`${url}/v1/brokers`)).text()
    if (isDead || performance.now() < until - DEAD_MS) continue
    isDead = true
    brokers[followers[1]!]!.child.kill('SIGKILL')
  }
  return {
    url,
    async close() {
      isOver = true
      await traffic
      for (const client of clients) client.disconnect()
      for (const { child } of brokers) child.kill('SIGKILL')
      await Promise.all(brokers.map(({ exited }) => exited))
      await nats.stop()
    },
  }
}
