// WAIT and WAITAOF with a log as journal: acknowledged writes are on the disks of a majority of its
// servers, and these are counted.

import { afterEach, expect, test } from 'vitest'
import { TestClient } from '../support/engine.ts'
import { Cluster, type ClusterNode } from './cluster.ts'

let cluster: Cluster
afterEach(() => cluster.stop())

async function three(...options: ConstructorParameters<typeof Cluster>): Promise<ClusterNode> {
  cluster = new Cluster(...options)
  for (const name of ['a', 'b', 'c']) cluster.start(name)
  return cluster.leader()
}

/** The replies to requests that a client sends to a node one behind the other, after a while. */
async function askAll(member: ClusterNode, milliseconds: number, ...requests: string[][]): Promise<string> {
  const client = new TestClient(member.engine, 2)
  let replies = ''
  for (const words of requests) replies += client.ask(...words)
  await cluster.pass(milliseconds)
  replies += client.received()
  client.disconnect()
  return replies
}

test.each([
  [['WAIT', '1', '100'], ':2\r\n'],
  [['WAIT', '2', '0'], ':2\r\n'],
  [['WAITAOF', '1', '0', '100'], '*2\r\n:1\r\n:2\r\n'],
  [['WAITAOF', '1', '1', '100'], '*2\r\n:1\r\n:2\r\n'],
])('%j after a write is answered when the log has it, also under everysec', async (wait, reply) => {
  const leader = await three({ appendfsync: 'everysec' })
  expect(await askAll(leader, 20, ['SET', 'k', 'v'], wait)).toBe(`+OK\r\n${reply}`)
})

test('WAIT for more servers than are known to have the write returns their number at the timeout', async () => {
  const leader = await three()
  expect(await askAll(leader, 90, ['SET', 'k', 'v'], ['WAIT', '3', '100'])).toBe('+OK\r\n')
  expect(await askAll(leader, 110, ['SET', 'k', 'v'], ['WAIT', '3', '100'])).toBe('+OK\r\n:2\r\n')
})

test('while the log is away no server has the write, and WAIT replies so', async () => {
  const leader = await three({ appendfsync: 'everysec' })
  cluster.log.isAway = true
  expect(await askAll(leader, 80, ['SET', 'k', 'v'], ['WAIT', '1', '50'])).toBe('+OK\r\n:0\r\n')
  cluster.log.isAway = false
})

test('at a follower there is nothing to wait for', async () => {
  await three()
  expect(await cluster.ask(cluster.followers()[0]!, 'WAIT', '1', '100')).toMatch(
    /^-ERR WAIT cannot be used with replica/,
  )
})
