// WAIT and WAITAOF where a log is the journal: what it has acknowledged is on the disks of most of its servers, and these are counted.

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

/** What a client of a node is answered to requests sent one behind the other, after a while. */
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

test('who waits for more servers than are known to have it is told how many are when the time is up', async () => {
  const leader = await three()
  expect(await askAll(leader, 90, ['SET', 'k', 'v'], ['WAIT', '3', '100'])).toBe('+OK\r\n')
  expect(await askAll(leader, 110, ['SET', 'k', 'v'], ['WAIT', '3', '100'])).toBe('+OK\r\n:2\r\n')
})

test('while the log is away nobody has a write, and who waits is told so', async () => {
  const leader = await three({ appendfsync: 'everysec' })
  cluster.log.isAway = true
  expect(await askAll(leader, 80, ['SET', 'k', 'v'], ['WAIT', '1', '50'])).toBe('+OK\r\n:0\r\n')
  cluster.log.isAway = false
})

test('a follower has nothing to wait for', async () => {
  await three()
  expect(await cluster.ask(cluster.followers()[0]!, 'WAIT', '1', '100')).toMatch(
    /^-ERR WAIT cannot be used with replica/,
  )
})
