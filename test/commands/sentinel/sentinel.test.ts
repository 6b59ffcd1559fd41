// Sentinel's commands, as clients use them: nothing without a name, the shard's nodes with one, and who has switched.

import { expect, test } from 'vitest'
import type { SentinelNode, SentinelView } from '../../../src/engine/cluster-view/sentinel-view.ts'
import { publishSwitches } from '../../../src/engine/cluster-view/switch-master-message.ts'
import { StandaloneSentinelView } from '../../../src/replication/standalone-sentinel-view.ts'
import { Handlers } from '../../../src/util/tables/handlers.ts'
import { bulk } from '../../cluster/node.ts'
import { createEngine } from '../../support/engine.ts'

const node = (port: number, more: Partial<SentinelNode> = {}): SentinelNode => ({
  ...{ id: String(port).repeat(10), ip: '10.0.0.1', port, tlsPort: 0, isUp: true, replicationOffset: 7, priority: 100 },
  ...more,
})

const shard: SentinelView = {
  name: 'mymaster',
  primary: node(7001),
  replicas: [node(7002), node(7003, { isUp: false })],
  others: [node(7002)],
  id: 'e'.repeat(40),
  epoch: 3,
  switched: new Handlers<[SentinelNode, SentinelNode]>(() => {}),
}

function connect() {
  const { connect, engine } = createEngine({ 'shard-name': 'mymaster' })
  engine.parts.sentinelView = shard
  return connect(3)
}

test('without a name the command is unknown, to rules of users as well', () => {
  const client = createEngine().connect()
  expect(client.ask('SENTINEL', 'MASTERS')).toBe(
    "-ERR unknown command 'SENTINEL', with args beginning with: 'MASTERS' \r\n",
  )
  expect(client.ask('ACL', 'SETUSER', 'a', '+sentinel')).toMatch(/^-ERR .*Unknown command/)
  expect(client.ask('COMMAND', 'INFO', 'sentinel')).toBe('*1\r\n$-1\r\n')
})

test('the primary is told by its name, and by no other', () => {
  const client = connect()
  expect(client.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')).toBe(`*2\r\n${bulk('10.0.0.1')}${bulk('7001')}`)
  expect(client.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'other')).toBe('_\r\n')
  expect(client.ask('SENTINEL', 'MASTER', 'other')).toBe('-ERR No such master with that name\r\n')
  const master = client.ask('SENTINEL', 'MASTER', 'mymaster')
  expect(master).toMatch(/^%20\r\n/)
  for (const field of [
    ['flags', 'master'],
    ['num-slaves', '2'],
    ['num-other-sentinels', '1'],
    ['config-epoch', '3'],
  ]) {
    expect(master).toContain(field.map(bulk).join(''))
  }
  expect(client.ask('SENTINEL', 'MASTERS')).toBe(`*1\r\n${master}`)
})

test('replicas and other nodes that answer are told, and which of them are down', () => {
  const client = connect()
  const replicas = client.ask('SENTINEL', 'REPLICAS', 'mymaster')
  expect(replicas).toMatch(/^\*2\r\n%21\r\n/)
  expect(replicas).toContain(`${bulk('name')}${bulk('10.0.0.1:7002')}`)
  expect(replicas).toContain(`${bulk('flags')}${bulk('s_down,slave')}`)
  expect(client.ask('SENTINEL', 'SLAVES', 'mymaster')).toBe(replicas)
  expect(client.ask('SENTINEL', 'SENTINELS', 'mymaster')).toContain(`${bulk('port')}${bulk('7002')}`)
  expect(client.ask('SENTINEL', 'MYID')).toBe(bulk('e'.repeat(40)))
  expect(client.ask('SENTINEL', 'CKQUORUM', 'mymaster')).toMatch(/^\+OK 2 usable Sentinels\./)
  expect(client.ask('SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '10.0.0.1', 7001, 0, '*')).toBe(
    `*3\r\n:0\r\n${bulk('*')}:0\r\n`,
  )
  expect(client.ask('SENTINEL', 'INFO-CACHE', 'mymaster')).toContain('redis_version:')
  expect(client.ask('SENTINEL', 'INFO-CACHE', 'other')).toBe('%0\r\n')
  expect(client.ask('SENTINEL', 'FAILOVER', 'mymaster')).toMatch(/^-ERR unknown subcommand 'FAILOVER'/)
})

test('a server alone is its own primary until it follows another, of which subscribers hear', () => {
  const { connect, engine } = createEngine({ 'shard-name': 'mymaster', port: '7009' })
  const { replication } = engine.parts
  engine.parts.sentinelView = new StandaloneSentinelView(engine, replication, 'mymaster')
  publishSwitches(engine.parts.sentinelView, engine)
  const client = connect()
  const listener = connect()
  listener.ask('SUBSCRIBE', '+switch-master')
  const address = () => client.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')
  expect(address()).toBe(`*2\r\n${bulk('127.0.0.1')}${bulk('7009')}`)
  client.ask('REPLICAOF', '10.0.0.9', 7001)
  expect(address()).toBe(`*2\r\n${bulk('10.0.0.9')}${bulk('7001')}`)
  expect(client.ask('SENTINEL', 'REPLICAS', 'mymaster')).toContain(`${bulk('name')}${bulk('127.0.0.1:7009')}`)
  // Nobody can be dialled here, so there is no link that it could give up.
  engine.config.set('replicaof', 'no one')
  engine.effects.role.become('primary')
  expect(address()).toBe(`*2\r\n${bulk('127.0.0.1')}${bulk('7009')}`)
  const heard = listener.received()
  expect(heard).toContain('mymaster 127.0.0.1 7009 10.0.0.9 7001')
  expect(heard).toContain('mymaster 10.0.0.9 7001 127.0.0.1 7009')
  replication.stop()
})
