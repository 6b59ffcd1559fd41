// ROLE, INFO, HELLO and SENTINEL agree about a broker at every moment: load balancers and clients
// use any of them.

import { afterEach, expect, onTestFinished, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { silentLog } from '../../src/engine/log.ts'
import { InMemoryLog } from '../../src/replicated-log/in-memory-log.ts'
import { LogAway } from '../../src/replicated-log/log.ts'
import { Boot } from '../../src/server/boot/boot.ts'
import { systemClock } from '../../src/util/time/clock.ts'
import { TestClient } from '../support/engine.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { Cluster } from './cluster.ts'

let cluster: Cluster | undefined
afterEach(() => {
  cluster?.stop()
  cluster = undefined
})

/** A broker's role, as each command reports it; undefined when it does not reply now. */
function rolesOf(engine: Boot['engine'], name: string): string[] | undefined {
  const client = new TestClient(engine, 2)
  const role = client.ask('ROLE')
  const info = client.ask('INFO', 'replication')
  const hello = client.ask('HELLO', '2')
  const sentinel = client.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'orders')
  client.disconnect()
  if ([role, info, hello, sentinel].includes('')) return undefined
  const named = /\r\n([^\r]*)\r\n\$\d+\r\n\d+\r\n$/.exec(sentinel)?.[1]
  // At its own address, or by its own name.
  const isItself = named === '127.0.0.1' || named === name
  return [
    /\*\d\r\n\$\d\r\n(\w+)/.exec(role)![1]!,
    /^role:(\w+)/m.exec(info)![1]!,
    /role\r\n\$\d\r\n(\w+)/.exec(hello)![1]!.replace('replica', 'slave'),
    isItself ? 'master' : 'slave',
  ]
}

const MASTER = ['master', 'master', 'master', 'master']
const SLAVE = ['slave', 'slave', 'slave', 'slave']

test('a broker is a follower from its first moment on: before the log is reached, and as long as it has no quorum', async () => {
  const dir = temporaryDirectory()
  const log = new InMemoryLog({ clock: systemClock, answerTimeoutMs: 20 })
  let isReachable = false
  let tries = 0
  const boot = new Boot(
    new Config({ dir, log: 'nats://127.0.0.1:1/orders', 'shard-name': 'orders', bind: '10.0.0.1' }),
    silentLog,
    {
      openLog: async () => {
        tries++
        if (!isReachable) throw new LogAway('it is not there yet')
        return log.connect()
      },
    },
  )
  onTestFinished(() => boot.close())
  expect(rolesOf(boot.engine, '10.0.0.1')).toEqual(SLAVE)
  const loading = boot.load()
  await eventually(() => tries > 0, 'the log is tried')
  expect(rolesOf(boot.engine, '10.0.0.1')).toEqual(SLAVE)
  isReachable = true
  log.isAway = true
  await loading
  expect(rolesOf(boot.engine, '10.0.0.1')).toEqual(SLAVE)
  expect(boot.replication.node!.state).toBe('following')
})

test('a replica of a primary reports this before it has loaded its data', () => {
  const boot = new Boot(new Config({ dir: temporaryDirectory(), replicaof: '10.0.0.9 6379' }), silentLog, {
    dial: () => {
      throw new Error('nobody is to be reached yet')
    },
  })
  onTestFinished(() => boot.close())
  const client = new TestClient(boot.engine, 2)
  expect(client.ask('ROLE')).toBe('*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.9\r\n:6379\r\n$7\r\nconnect\r\n:-1\r\n')
  expect(client.ask('INFO', 'replication')).toContain('role:slave\r\nmaster_host:10.0.0.9\r\nmaster_port:6379\r\n')
})

test('all commands agree at every moment of starts, handovers, pauses and ends', async () => {
  cluster = new Cluster()
  const { nodes } = cluster
  const seen = new Set<string>()
  const look = async (milliseconds: number): Promise<void> => {
    for (let passed = 0; passed < milliseconds; passed++) {
      for (const { engine, name } of nodes) {
        const roles = rolesOf(engine, name)
        if (roles === undefined) continue
        expect([MASTER, SLAVE]).toContainEqual(roles)
        seen.add(`${name} ${roles[0]}`)
      }
      await cluster!.pass(1)
    }
  }
  for (const name of ['a', 'b', 'c']) cluster.start(name)
  await look(350)
  const first = await cluster.leader()
  void first.node!.handOver('b')
  await look(40)
  const second = await cluster.leader()
  expect(second.name).not.toBe(first.name)
  second.clock.pause()
  await look(450)
  second.clock.resume()
  await look(60)
  cluster.kill(await cluster.leader())
  cluster.log.isAway = true
  await look(300)
  cluster.log.isAway = false
  await look(400)
  expect(seen.size).toBeGreaterThan(4)
}, 30_000)
