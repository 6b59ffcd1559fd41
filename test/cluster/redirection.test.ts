// Redirections beyond the comparison with redis-server (test/differential/cluster.test.ts):
// replicas, TLS, host names, clients that wait or subscribe when a slot leaves, and refusals
// because nodes do not talk to each other.

import { describe, expect, test } from 'vitest'
import { Source } from '../../src/util/bytes/bytes.ts'
import type { TestClient } from '../support/engine.ts'
import { createEngine } from '../support/engine.ts'
import { bulk, createNode, FIRST, SECOND, THIRD, twoShards } from './node.ts'

// Slots: bar and {bar}… 5061 (the first node's), foo 12182 and 3 1584 (the second's and the
// first's).

const moved = '-MOVED 12182 127.0.0.1:7002\r\n'

describe('clients are sent', () => {
  test('to the port for TLS over TLS, and to the host name where that is preferred', () => {
    const text = twoShards(FIRST).replace('7002@17002', '7002@17002,two.example,tls-port=7444')
    const { connect, engine } = createNode(text)
    const client = connect()
    const secure = connect() as TestClient & { isEncrypted?: boolean }
    secure.isEncrypted = true
    expect(client.ask('GET', 'foo')).toBe(moved)
    expect(secure.ask('GET', 'foo')).toBe('-MOVED 12182 127.0.0.1:7444\r\n')
    engine.config.set('cluster-preferred-endpoint-type', 'hostname')
    expect(client.ask('GET', 'foo')).toBe('-MOVED 12182 two.example:7002\r\n')
    expect(client.ask('CLUSTER', 'SLOTS')).toContain(
      `${bulk('two.example')}:7002\r\n${bulk(SECOND)}*2\r\n${bulk('ip')}`,
    )
    engine.config.set('cluster-preferred-endpoint-type', 'unknown-endpoint')
    expect(client.ask('GET', 'foo')).toBe('-MOVED 12182 :7002\r\n')
    expect(client.ask('CLUSTER', 'SHARDS')).toContain(`${bulk('endpoint')}$-1\r\n`)
  })

  test('not at all for this node itself: it reports the address of the connection, unless it announces one', () => {
    const { connect, engine } = createNode(twoShards(FIRST).replaceAll('127.0.0.1:7001', ':7001'))
    const client = connect()
    expect(client.ask('CLUSTER', 'NODES')).toContain(`${FIRST} 127.0.0.1:7001@17001 myself`)
    engine.config.set('cluster-announce-ip', '10.1.1.1')
    expect(client.ask('CLUSTER', 'SLOTS')).toContain(`${bulk('10.1.1.1')}:7001\r\n`)
  })
})

test('a replica answers reads after READONLY, and sends everything else to its primary', () => {
  const { connect, engine } = createNode(twoShards(THIRD), { port: '7003' })
  const client = connect()
  engine.effects.role.become('replica', 'up')
  expect(client.ask('GET', 'foo')).toBe(moved)
  expect(client.ask('READONLY')).toBe('+OK\r\n')
  expect(client.ask('CLIENT', 'INFO')).toContain(' flags=r ')
  expect(client.ask('GET', 'foo')).toBe('$-1\r\n')
  expect(client.ask('SET', 'foo', 1)).toBe(moved)
  expect(client.ask('GET', 'bar')).toBe('-MOVED 5061 127.0.0.1:7001\r\n')
  expect(client.ask('EVAL_RO', "return redis.call('GET', KEYS[1])", 1, 'foo')).toBe('$-1\r\n')
  expect(client.ask('MULTI')).toBe('+OK\r\n')
  expect(client.ask('GET', 'foo')).toBe('+QUEUED\r\n')
  expect(client.ask('EXEC')).toBe('*1\r\n$-1\r\n')
  expect(client.ask('READWRITE')).toBe('+OK\r\n')
  expect(client.ask('GET', 'foo')).toBe(moved)
  client.ask('READONLY')
  expect(client.ask('RESET')).toBe('+RESET\r\n')
  expect(client.ask('GET', 'foo')).toBe(moved)
  expect(client.ask('CLUSTER', 'SETSLOT', 1, 'STABLE')).toBe('-ERR You can use SETSLOT only with masters.\r\n')
  expect(client.ask('CLUSTER', 'FAILOVER')).toMatch(/^-ERR CLUSTER FAILOVER is not possible: /)
})

test('a client parked on a key is redirected when its slot leaves, has no owner, or the cluster is down', () => {
  const { connect } = createNode(twoShards(FIRST))
  const admin = connect()
  const [popper, reader, waiter] = [connect(), connect(), connect()]
  popper.ask('BLPOP', 'bar', 0)
  reader.ask('XREAD', 'BLOCK', 0, 'STREAMS', '3', '$')
  waiter.ask('WAIT', 1, 0)
  admin.ask('CLUSTER', 'SETSLOT', 5061, 'MIGRATING', SECOND)
  expect(popper.received()).toBe('')
  admin.ask('CLUSTER', 'SETSLOT', 5061, 'NODE', SECOND)
  expect(popper.received()).toBe('-MOVED 5061 127.0.0.1:7002\r\n')
  expect(reader.received()).toBe('')
  // Not all slots are covered any more.
  admin.ask('CLUSTER', 'DELSLOTS', 16383)
  expect(reader.received()).toBe('-CLUSTERDOWN The cluster is down\r\n')
  admin.ask('CONFIG', 'SET', 'cluster-require-full-coverage', 'no')
  reader.ask('XREAD', 'BLOCK', 0, 'STREAMS', '3', '$')
  admin.ask('CLUSTER', 'DELSLOTS', 1584)
  expect(reader.received()).toBe('-CLUSTERDOWN Hash slot not served\r\n')
  expect(waiter.received()).toBe('')
})

test('a subscriber of a shard channel is told when its slot leaves; other subscriptions stay', () => {
  const { connect } = createNode(twoShards(FIRST))
  const admin = connect()
  const [one, other] = [connect(), connect(3)]
  one.ask('SSUBSCRIBE', 'bar', '{bar}2')
  other.ask('SSUBSCRIBE', '3')
  other.ask('SSUBSCRIBE', 'bar')
  other.ask('SUBSCRIBE', 'bar')
  admin.ask('CLUSTER', 'SETSLOT', 5061, 'MIGRATING', SECOND)
  expect(admin.ask('SPUBLISH', 'bar', 'x')).toBe(':2\r\n')
  one.received()
  other.received()
  admin.ask('CLUSTER', 'SETSLOT', 5061, 'NODE', SECOND)
  expect(one.received()).toBe(
    `*3\r\n${bulk('sunsubscribe')}${bulk('bar')}:1\r\n*3\r\n${bulk('sunsubscribe')}${bulk('{bar}2')}:0\r\n`,
  )
  expect(other.received()).toBe(`>3\r\n${bulk('sunsubscribe')}${bulk('bar')}:1\r\n`)
  expect(one.ask('SPUBLISH', 'bar', 'x')).toBe('-MOVED 5061 127.0.0.1:7002\r\n')
  expect(admin.ask('PUBLISH', 'bar', 'x')).toBe(':1\r\n')
})

test('PUBLISH to a kept channel is a write of its slot: another node is named, unless nothing is kept', () => {
  const { connect, engine } = createNode(twoShards(FIRST))
  const client = connect()
  expect(client.ask('PUBLISH', 'foo', 'x')).toBe(':0\r\n')
  engine.config.set('channel', 'f* keep 1h')
  expect(client.ask('PUBLISH', 'foo', 'x')).toBe(moved)
  expect(client.ask('EVAL', "return redis.call('PUBLISH', 'foo', 'x')", 0)).toMatch(/non local key/)
  expect(client.ask('PUBLISH', 'bar', 'x')).toBe(':0\r\n')
  expect(client.ask('PUBLISH', 'bar', 'x', 'IN', '1000')).toMatch(/^[:$+]/)
  expect(client.ask('PUBLISH', '2foo', 'x')).toBe(':0\r\n')
})

test("a group's name is routed by the channel that it listens to", () => {
  const client = createNode(twoShards(FIRST)).connect()
  expect(client.ask('SSUBSCRIBE', '$share/workers/foo')).toBe(moved)
  expect(client.ask('SSUBSCRIBE', '$share/workers/bar')).toContain(':1\r\n')
})

test('a cluster that is down answers reads, or shard channels, if the settings allow it', () => {
  const { connect } = createNode(twoShards(FIRST).replace(' 8192-16383', ' 8192-16382'))
  const client = connect()
  const down = '-CLUSTERDOWN The cluster is down\r\n'
  expect(client.ask('GET', 'bar')).toBe(down)
  expect(client.ask('GET', 'foo')).toBe(down)
  expect(client.ask('PING')).toBe('+PONG\r\n')
  expect(client.ask('SPUBLISH', 'bar', 'x')).toBe(':0\r\n')
  client.ask('CONFIG', 'SET', 'cluster-allow-pubsubshard-when-down', 'no')
  expect(client.ask('SPUBLISH', 'bar', 'x')).toBe(down)
  expect(client.ask('EVAL', "return redis.call('GET', 'bar')", 0)).toMatch(
    /^-ERR Script attempted to execute a command while the cluster is down script: /,
  )
  client.ask('CONFIG', 'SET', 'cluster-allow-reads-when-down', 'yes')
  expect(client.ask('GET', 'bar')).toBe('$-1\r\n')
  expect(client.ask('SET', 'bar', 1)).toBe('-CLUSTERDOWN The cluster is down and only accepts read commands\r\n')
  expect(client.ask('EVAL', "return redis.call('SET', 'bar', 1)", 0)).toMatch(
    /^-ERR Script attempted to execute a write command while the cluster is down and readonly script: /,
  )
  client.ask('CONFIG', 'SET', 'cluster-require-full-coverage', 'no')
  expect(client.ask('SET', 'bar', 1)).toBe('+OK\r\n')
})

test('replayed requests, and those of a primary, are not redirected', () => {
  const { connect, engine } = createNode(twoShards(FIRST))
  const primary = engine.connect(connect(), 'primary')
  expect(primary.isObeyed).toBe(true)
  const source = Buffer.from('*3\r\n$3\r\nSET\r\n$3\r\nfoo\r\n$1\r\n1\r\n')
  engine.receive(primary, new Source(source), 0, source.length)
  engine.endTurn()
  expect(engine.databases[0]!.size).toBe(1)
})

test('nodes are not introduced to each other', () => {
  const client = createNode(twoShards(FIRST)).connect()
  expect(client.ask('CLUSTER', 'MEET', '127.0.0.1', 7004)).toBe(
    '-ERR CLUSTER MEET is not possible: nodes do not talk with each other. Whom a node is to know stands in its cluster-config-file\r\n',
  )
})

test('INFO and HELLO say that it is a node of a cluster', () => {
  const client = createNode(twoShards(FIRST)).connect()
  expect(client.ask('INFO', 'cluster')).toContain('cluster_enabled:1\r\n')
  expect(client.ask('INFO', 'server')).toContain('redis_mode:cluster\r\n')
  expect(client.ask('HELLO')).toContain(`${bulk('mode')}${bulk('cluster')}`)
})

test('without a cluster its commands are refused, and keys are not checked', () => {
  const { connect, engine } = createEngine()
  const client = connect()
  const disabled = '-ERR This instance has cluster support disabled\r\n'
  for (const words of [['ASKING'], ['READONLY'], ['READWRITE'], ['CLUSTER', 'HELP'], ['CLUSTER', 'SLOTS']]) {
    expect(client.ask(...words)).toBe(disabled)
  }
  expect([engine.conditions.state.special, engine.requests.redirection]).toEqual([0, null])
  expect(client.ask('EVAL', '#!lua flags=no-cluster\nreturn 1', 0)).toBe(':1\r\n')
})
