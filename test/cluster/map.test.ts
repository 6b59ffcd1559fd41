// The map of a standalone node: how it is written and read, and that it always equals its file.

import { expect, test } from 'vitest'
import { NodesFileError, parseNodes } from '../../src/cluster/nodes-file.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { createNode, FIRST, SECOND, THIRD, twoShards } from './node.ts'

const parse = (text: string) => parseNodes(text, () => 'f'.repeat(40))

test('a written map is read back unchanged, moving slots, host names and ports included', () => {
  const { cluster, file, connect } = createNode(twoShards(FIRST), {
    'cluster-announce-hostname': 'one.example',
    'tls-port': '7443',
  })
  const client = connect()
  client.ask('CLUSTER', 'SETSLOT', 7, 'MIGRATING', SECOND)
  client.ask('CLUSTER', 'SETSLOT', 9000, 'IMPORTING', SECOND)
  client.ask('CLUSTER', 'DELSLOTS', 5)
  expect(file.text).toBe(
    `${FIRST} 127.0.0.1:7001@17001,one.example,tls-port=7443,shard-id=${cluster.myself.shardId} myself,master - 0 0 1 connected 0-4 6-8191 [7->-${SECOND}] [9000-<-${SECOND}]
${SECOND} 127.0.0.1:7002@17002,,tls-port=0,shard-id=${cluster.nodes.get(SECOND)!.shardId} master - 0 0 2 connected 8192-16383
${THIRD} 127.0.0.1:7003@17003,,tls-port=0,shard-id=${cluster.nodes.get(SECOND)!.shardId} slave ${SECOND} 0 0 2 connected
vars currentEpoch 2 lastVoteEpoch 0
`,
  )
  const again = createNode(file.text, { 'cluster-announce-hostname': 'one.example', 'tls-port': '7443' })
  expect(again.file.text).toBe(file.text)
  expect(again.cluster.migratingTo(7)?.id).toBe(SECOND)
})

test('a file of Redis is read: failing nodes, handshakes, ports without a bus, empty lines', () => {
  const map = parse(
    `\n${FIRST} :7001 myself,master - 0 1700000000 3 connected 0-1 5\n\n${SECOND} 10.0.0.2:7002@17002,two,tls-port=0,shard-id=${'a'.repeat(40)} master,fail? - 1 2 4 disconnected\n${THIRD} 10.0.0.3:7003@17003 handshake - 0 0 0 connected\nvars currentEpoch 9 lastVoteEpoch 8\n`,
  )
  expect([map.epoch, map.assigned, map.nodes.size, map.myself.id]).toEqual([9, 3, 2, FIRST])
  expect(map.nodes.get(SECOND)).toMatchObject({ ip: '10.0.0.2', hostname: 'two', shardId: 'a'.repeat(40), epoch: 4 })
})

test.each([
  ['a word that is no node', 'hello there\n'],
  ['no line about this node', `${FIRST} :7001@17001 master - 0 0 0 connected\n`],
  ['a slot that is none', `${FIRST} :7001@17001 myself,master - 0 0 0 connected 0-16384\n`],
  [
    'a slot with two owners',
    `${FIRST} :1@2 myself,master - 0 0 0 connected 1\n${SECOND} :1@2 master - 0 0 0 connected 1\n`,
  ],
  ['a node that is only named', `${FIRST} :7001@17001 myself,slave ${SECOND} 0 0 0 connected\n`],
  ['an address without a port', `${FIRST} nowhere myself,master - 0 0 0 connected\n`],
])('a file with %s is refused', (_, text) => {
  expect(() => parse(text)).toThrow(NodesFileError)
})

test('a change that cannot be written is refused, and the map stays unchanged', () => {
  const { cluster, file, connect } = createNode(twoShards(FIRST))
  const client = connect()
  const before = file.text
  file.failure = new Error('no space left')
  expect(client.ask('CLUSTER', 'DELSLOTS', 0)).toBe('-ERR error saving the cluster node config: no space left\r\n')
  expect(client.ask('CLUSTER', 'SETSLOT', 3, 'MIGRATING', SECOND)).toMatch(/^-ERR error saving/)
  expect(client.ask('CLUSTER', 'RESET', 'HARD')).toMatch(/^-ERR error saving/)
  expect([cluster.ownerOf(0)?.id, cluster.migratingTo(3), cluster.isOk, cluster.myself.id]).toEqual([
    FIRST,
    undefined,
    true,
    FIRST,
  ])
  file.failure = undefined
  expect(client.ask('CLUSTER', 'SAVECONFIG')).toBe('+OK\r\n')
  expect(file.text).toBe(before)
})

test('loaded keys in slots without an owner make the node their owner; slots of other nodes are importing', () => {
  const node = createNode(twoShards(FIRST).replace('0-8191', '0-100'))
  // Slots 5061 (without an owner) and 12182 (the second node's).
  for (const key of ['bar', 'foo']) node.engine.databases[0]!.insertString(Bytes.from(key), Bytes.from('v'), false)
  node.cluster.claimSlots()
  expect(node.cluster.ownerOf(5061)?.id).toBe(FIRST)
  expect(node.cluster.importingFrom(12182)?.id).toBe(SECOND)
})
