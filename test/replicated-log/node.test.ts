// Nodes on one log: leaders, followers, replies to clients, and reasons for a node to stop.

import { afterEach, describe, expect, test } from 'vitest'
import { decodeRecord, encodeRecord } from '../../src/replicated-log/record.ts'
import { TestClient } from '../support/engine.ts'
import { Cluster, type ClusterNode, QUICK } from './cluster.ts'

let cluster: Cluster
afterEach(() => cluster.stop())

/** Three nodes, one of which leads. */
async function three(...options: ConstructorParameters<typeof Cluster>): Promise<ClusterNode> {
  cluster = new Cluster(...options)
  for (const name of ['a', 'b', 'c']) cluster.start(name)
  return cluster.leader()
}

/** Ends all nodes without further appends. */
async function closeAll(): Promise<ClusterNode[]> {
  const members = cluster.nodes.splice(0)
  for (const { node } of members) void node!.close()
  await cluster.pass(3000)
  return members
}

describe('a cluster', () => {
  test('has one leader, whose writes reach every node', async () => {
    const leader = await three()
    expect(await cluster.ask(leader, 'RPUSH', 'k', 'a', 'b')).toBe(':2\r\n')
    const followers = cluster.followers()
    expect(followers).toHaveLength(2)
    for (const follower of followers) {
      expect(await cluster.ask(follower, 'LRANGE', 'k', '0', '-1')).toBe('*2\r\n$1\r\na\r\n$1\r\nb\r\n')
      expect(await cluster.ask(follower, 'RPUSH', 'k', 'c')).toBe(
        "-READONLY You can't write against a read only replica.\r\n",
      )
      expect(follower.node!.leader).toMatchObject({ node: leader.name, address: `${leader.name}:6379` })
    }
  })

  test('keeps databases apart, and transactions whole', async () => {
    const leader = await three()
    const client = new TestClient(leader.engine, 2)
    for (const words of [['SELECT', '3'], ['MULTI'], ['SET', 'k', 'v'], ['SELECT', '1'], ['SET', 'k', 'w'], ['EXEC']])
      client.ask(...words)
    await cluster.pass(20)
    const follower = new TestClient(cluster.followers()[0]!.engine, 2)
    follower.ask('SELECT', '3')
    expect(follower.ask('GET', 'k')).toBe('$1\r\nv\r\n')
    follower.ask('SELECT', '1')
    expect(follower.ask('GET', 'k')).toBe('$1\r\nw\r\n')
  })

  test('delivers messages published at the leader to subscribers at every node', async () => {
    const leader = await three()
    const subscriber = new TestClient(cluster.followers()[0]!.engine, 2)
    subscriber.ask('SUBSCRIBE', 'news')
    await cluster.ask(leader, 'PUBLISH', 'news', 'hello')
    expect(subscriber.received()).toBe('*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n')
  })

  test('expires a key at the leader only', async () => {
    const leader = await three()
    await cluster.ask(leader, 'SET', 'k', 'v', 'PX', '1000')
    const [follower] = cluster.followers()
    cluster.kill(leader)
    cluster.log.isAway = true
    await cluster.pass(2000)
    expect(follower!.engine.databases[0]!.keys.count).toBe(1)
    expect(await cluster.ask(follower!, 'GET', 'k')).toBe('$-1\r\n')
    cluster.log.isAway = false
    await cluster.leader()
    await cluster.pass(100)
    expect(follower!.engine.databases[0]!.keys.count).toBe(0)
  })

  test('replies to writes before it hands over', async () => {
    const leader = await three()
    const client = new TestClient(leader.engine, 2)
    client.ask('RPUSH', 'k', 'a')
    void leader.node!.handOver()
    await cluster.pass(200)
    expect(leader.node!.state).not.toBe('leading')
    expect(client.received()).toBe(':1\r\n')
  })

  test('splits effects that are larger than a batch, and applies them as one', async () => {
    const leader = await three({}, {}, { batchBytesMax: 200 })
    const value = 'x'.repeat(5000)
    const client = new TestClient(leader.engine, 2)
    client.ask('SET', 'k', value)
    await cluster.pass(100)
    expect(client.received()).toBe('+OK\r\n')
    expect(cluster.log.bounds.last).toBeGreaterThan(25)
    for (const follower of cluster.followers()) expect(await cluster.ask(follower, 'GET', 'k')).toContain(value)
  })

  test('refuses settings to interfere: a follower stays read-only', async () => {
    await three({ 'replica-read-only': 'no' })
    expect(await cluster.ask(cluster.followers()[0]!, 'SET', 'k', 'v')).toMatch(/^-READONLY/)
  })
})

describe('a leader', () => {
  test('that is killed is replaced by another, which has all acknowledged writes', async () => {
    const leader = await three()
    await cluster.ask(leader, 'SET', 'k', 'v')
    cluster.kill(leader)
    const killedMs = cluster.world.nowMs
    const next = await cluster.leader()
    expect(cluster.world.nowMs - killedMs).toBeLessThan(450)
    expect(await cluster.ask(next, 'GET', 'k')).toBe('$1\r\nv\r\n')
  })

  test('hands over at once, and the next leader does what waiting writers asked for', async () => {
    const leader = await three()
    const writer = new TestClient(leader.engine, 2)
    const begunMs = cluster.world.nowMs
    const target = cluster.followers()[1]!
    void leader.node!.handOver(target.name)
    writer.ask('SET', 'k', 'v')
    expect(await cluster.leader()).toBe(leader)
    await cluster.pass(15)
    expect(await cluster.leader()).toBe(target)
    expect(cluster.world.nowMs - begunMs).toBeLessThan(30)
    await cluster.pass(15)
    expect(writer.received()).toBe('+OK\r\n')
    expect(await cluster.ask(target, 'SET', 'k', 'w')).toBe('+OK\r\n')
  })

  test('of an earlier version, which does not tell its lease, is waited for as long as that lease was', async () => {
    cluster = new Cluster({}, { timing: { ...QUICK, leaseMsMax: 2000 } })
    for (const name of ['a', 'b']) cluster.start(name)
    const leader = await cluster.leader()
    await cluster.pass(20)
    const [follower] = cluster.followers()
    const note = follower!.node!.leader as { leaseMs?: number }
    expect(note.leaseMs).toBe(QUICK.leaseMs)
    cluster.kill(leader)
    delete note.leaseMs
    await cluster.pass(2900)
    expect(follower!.node!.state).toBe('following')
    await cluster.pass(300)
    expect(follower!.node!.state).toBe('leading')
  })

  test('that is killed is replaced soon by a follower that has started a moment ago, too', async () => {
    cluster = new Cluster({}, { timing: { ...QUICK, leaseMsMax: 2000 } })
    cluster.start('a')
    const leader = await cluster.leader()
    const follower = cluster.start('b')
    await cluster.pass(150)
    expect(follower.node!.leader).toMatchObject({ node: 'a', leaseMs: QUICK.leaseMs })
    cluster.kill(leader)
    await cluster.pass(400)
    expect(follower.node!.state).toBe('leading')
  })

  test('hands over when it is closed', async () => {
    const leader = await three()
    void leader.node!.close()
    await cluster.pass(20)
    expect((await cluster.leader()).name).not.toBe(leader.name)
    expect(leader.node!.state).toBe('stopped')
  })

  test('that was paused sends no reply about its earlier writes', async () => {
    const leader = await three()
    const client = new TestClient(leader.engine, 2)
    client.ask('SET', 'k', 'old')
    leader.clock.pause()
    await cluster.pass(500)
    const next = cluster.nodes.find(({ name, node }) => name !== leader.name && node?.state === 'leading')!
    expect(await cluster.ask(next, 'SET', 'k', 'new')).toBe('+OK\r\n')
    const reader = new TestClient(leader.engine, 2)
    expect(reader.ask('GET', 'k')).toBe('')
    leader.clock.resume()
    await cluster.pass(100)
    expect(leader.node!.state).toBe('following')
    expect(reader.received()).toBe('')
    expect(reader.closed).toBe('now')
    expect(await cluster.ask(leader, 'GET', 'k')).toBe('$3\r\nnew\r\n')
  })

  test('undoes changes that never came into the log', async () => {
    const leader = await three()
    await cluster.ask(leader, 'SET', 'k', 'kept')
    leader.weather = { ...leader.weather, losesRequest: () => true }
    const client = new TestClient(leader.engine, 2)
    expect(client.ask('SET', 'k', 'lost')).toBe('')
    await cluster.pass(600)
    leader.weather = { ...leader.weather, losesRequest: () => false }
    await cluster.pass(400)
    expect(leader.node!.state).toBe('following')
    expect(client.received()).toBe('')
    expect(client.closed).toBe('now')
    expect(await cluster.ask(leader, 'GET', 'k')).toBe('$4\r\nkept\r\n')
  })

  test('answers reads while its lease runs, and continues when the log is back in time', async () => {
    const leader = await three()
    await cluster.ask(leader, 'SET', 'k', 'v')
    cluster.log.isAway = true
    const client = new TestClient(leader.engine, 2)
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
    await cluster.pass(250)
    expect(leader.node!.leaseLeftMs).toBe(0)
    expect(client.ask('GET', 'k')).toBe('')
    cluster.log.isAway = false
    await cluster.pass(150)
    expect(leader.node!.state).toBe('leading')
    expect(client.received()).toBe('$1\r\nv\r\n')
  })

  test('refuses writes while the log is full, and accepts them again when it is not', async () => {
    const leader = await three()
    cluster.log.capacityBytes = 0
    const held = new TestClient(leader.engine, 2)
    held.ask('SET', 'k', 'v')
    await cluster.pass(20)
    expect(await cluster.ask(leader, 'SET', 'k', 'w')).toBe(
      '-MISCONF Errors writing to the AOF file: there is no room\r\n',
    )
    cluster.log.capacityBytes = Number.POSITIVE_INFINITY
    await cluster.pass(50)
    expect(held.received()).toBe('+OK\r\n')
    expect(await cluster.ask(leader, 'SET', 'k', 'w')).toBe('+OK\r\n')
  })

  test('shows libraries of functions, runs them, and replies with digests of the data, when the log has them', async () => {
    const leader = await three({ 'enable-debug-command': 'yes' })
    const library = "#!lua name=lib\nredis.register_function('f', function() return 'new' end)"
    const writer = new TestClient(leader.engine, 2)
    expect(writer.ask('FUNCTION', 'LOAD', library)).toBe('')
    expect(new TestClient(leader.engine, 2).ask('SET', 'k', 'v')).toBe('')
    for (const words of [
      ['FUNCTION', 'LIST'],
      ['FUNCTION', 'DUMP'],
      ['FUNCTION', 'STATS'],
      ['FCALL', 'f', '0'],
      ['DEBUG', 'DIGEST'],
      ['DEBUG', 'DIGEST-VALUE', 'k'],
    ]) {
      const reader = new TestClient(leader.engine, 2)
      expect([words, reader.ask(...words)]).toEqual([words, ''])
    }
    const running = new TestClient(leader.engine, 2)
    running.ask('FCALL_RO', 'f', '0')
    running.ask('FCALL', 'none', '0')
    await cluster.pass(15)
    expect(writer.received()).toBe('$3\r\nlib\r\n')
    expect(running.received()).toMatch(
      /^-ERR Can not execute a script with write flag using \*_ro command\..*-ERR Function not found\r\n$/s,
    )
    expect(running.ask('FCALL', 'f', '0')).toBe('$3\r\nnew\r\n')
    expect(running.ask('DEBUG', 'DIGEST')).not.toBe('')
  })

  test('replies at once to writes of keys that need not be durable', async () => {
    const leader = await three({ durability: 'loose:* none' })
    const client = new TestClient(leader.engine, 2)
    expect(client.ask('SET', 'loose:k', 'v')).toBe('+OK\r\n')
    expect(client.ask('SET', 'k', 'v')).toBe('')
    await cluster.pass(5)
    expect(client.received()).toBe('+OK\r\n')
  })
})

describe('a node', () => {
  test('continues from its copy after a start, and after a power cut', async () => {
    const leader = await three()
    for (let i = 0; i < 20; i++) await cluster.ask(leader, 'RPUSH', 'k', String(i))
    const [killed, cut] = cluster.followers()
    cluster.kill(killed!)
    cluster.kill(cut!)
    await cluster.ask(leader, 'RPUSH', 'k', 'last')
    const again = [cluster.start('b', killed!.disk.copy()), cluster.start('c', cut!.disk.powerCut(7))]
    await cluster.pass(50)
    for (const member of again) expect(await cluster.ask(member, 'LLEN', 'k')).toBe(':21\r\n')
  })

  test('keeps its copy short as leader and follower, and continues from it', async () => {
    const leader = await three({ 'auto-aof-rewrite-min-size': '4kb' })
    for (let i = 0; i < 300; i++) await cluster.ask(leader, 'SET', 'k', `${i} ${'x'.repeat(100)}`)
    const members = await closeAll()
    for (const { disk } of members) {
      const copied = disk.files.filter((name) => /incr\.aof$/.test(name))
      const bytes = copied.reduce((sum, name) => sum + disk.get(name).length, 0)
      // Some 300 bytes a write; the files that were replaced last are still there.
      expect(bytes).toBeLessThan(40 * 1024)
      expect(disk.files.filter((name) => name.startsWith('temp-'))).toEqual([])
    }
    for (const { name, disk } of members) cluster.start(name, disk)
    const next = await cluster.leader()
    expect(await cluster.ask(next, 'STRLEN', 'k')).toBe(':104\r\n')
    expect(await cluster.ask(next, 'SET', 'k', 'v')).toBe('+OK\r\n')
  })

  test('delays writes only for a moment when a leader rewrites its copy', async () => {
    const leader = await three({ 'auto-aof-rewrite-min-size': '4kb' })
    const client = new TestClient(leader.engine, 2)
    let replies = ''
    for (let i = 0; i < 100; i++) {
      replies += client.ask('SET', 'k', `${i} ${'x'.repeat(100)}`)
      await cluster.pass(10)
      replies += client.received()
    }
    expect(replies).toBe('+OK\r\n'.repeat(100))
    expect(leader.disk.files.some((name) => name.endsWith('base.rdb') && leader.disk.get(name).length > 0)).toBe(true)
  })

  test('appends records that the log has lost again, also those that its base has replaced', async () => {
    const leader = await three({ 'auto-aof-rewrite-min-size': '4kb' })
    for (let i = 0; i < 60; i++) await cluster.ask(leader, 'RPUSH', 'k', `${i} ${'x'.repeat(100)}`)
    await cluster.pass(100)
    const members = await closeAll()
    const [{ disk }] = members as [ClusterNode]
    expect(disk.files.some((name) => name.endsWith('base.rdb') && disk.get(name).length > 0)).toBe(true)
    const { last } = cluster.log.bounds
    const from = last - 25
    const lost = Array.from({ length: 20 }, (_, i) => decodeRecord(cluster.log.at(from + i)!).hash)
    cluster.log.loseEnd(from)
    for (const { name, disk } of members) cluster.start(name, disk)
    const next = await cluster.leader()
    expect(Array.from({ length: 20 }, (_, i) => decodeRecord(cluster.log.at(from + i)!).hash)).toEqual(lost)
    expect(await cluster.ask(next, 'LLEN', 'k')).toBe(':60\r\n')
  })

  test('appends records that the log has lost again', async () => {
    const leader = await three({}, {}, { batchBytesMax: 300 })
    for (let i = 0; i < 10; i++) await cluster.ask(leader, 'RPUSH', 'k', `${i}${'x'.repeat(400)}`)
    await cluster.pass(200)
    const members = await closeAll()
    const { last } = cluster.log.bounds
    const lost = Array.from({ length: 20 }, (_, i) => decodeRecord(cluster.log.at(last - i)!).hash)
    cluster.log.loseEnd(last - 19)
    for (const { disk, name } of members) cluster.start(name, disk.copy())
    const next = await cluster.leader()
    expect(await cluster.ask(next, 'LLEN', 'k')).toBe(':10\r\n')
    expect(lost).toEqual(Array.from({ length: 20 }, (_, i) => decodeRecord(cluster.log.at(last - i)!).hash))
    expect(cluster.nodes.map(({ node }) => node!.failure)).toEqual([undefined, undefined, undefined])
  })

  test('stops where the log holds other bytes than were written', async () => {
    const leader = await three()
    await cluster.ask(leader, 'SET', 'k', 'v')
    const [follower] = cluster.followers()
    cluster.kill(follower!)
    await cluster.ask(leader, 'SET', 'k', 'w')
    const { last } = cluster.log.bounds
    const batch = Buffer.from(cluster.log.at(last)!)
    batch[batch.length - 3]! ^= 1
    cluster.log.replace(last, batch)
    const again = cluster.start('z', follower!.disk.copy())
    await cluster.pass(50)
    expect(again.node!.state).toBe('stopped')
    expect(again.node!.failure).toBe('a record is damaged: its checksum does not match')
    expect(await cluster.ask(again, 'GET', 'k')).toMatch(/^-LOADING/)
  })

  test('stops when the log holds another history than its copy', async () => {
    const leader = await three()
    await cluster.ask(leader, 'SET', 'k', 'v')
    const [follower] = cluster.followers()
    cluster.kill(follower!)
    const disk = follower!.disk.copy()
    cluster.stop()
    const other = await three()
    for (let i = 0; i < 9; i++) await cluster.ask(other, 'SET', 'k', 'other')
    const again = cluster.start('z', disk)
    await cluster.pass(50)
    expect(again.node!.failure).toMatch(/^the log holds another record at position \d+ than this node's copy$/)
    // The log line has advice, and no stack trace.
    expect(again.errors).toEqual([
      {
        advice: 'See what the log and the other nodes hold',
        message: `this node has stopped: ${again.node!.failure}`,
      },
    ])
  })

  test('refuses a directory that is not the copy of a log', async () => {
    cluster = new Cluster()
    const first = cluster.start('a')
    await cluster.leader()
    cluster.kill(first)
    const disk = first.disk.copy()
    disk.put('/data/appendonlydir/appendonly.aof.1.incr.aof', '*1\r\n$8\r\nFLUSHALL\r\n')
    const again = cluster.start('a', disk)
    await cluster.pass(50)
    expect(String(again.refusal)).toContain('it is not a copy of a replicated log')
  })
})

test('records that an old leader had in flight land behind the record of the next leader, and do not count', async () => {
  const old = await three()
  await cluster.ask(old, 'SET', 'k', 'before')
  cluster.kill(old)
  const next = await cluster.leader()
  const client = new TestClient(next.engine, 2)
  expect(client.ask('SET', 'k', 'after')).toBe('')
  // It arrives first, at the position of the new leader's own record.
  const { last } = cluster.log.bounds
  const payload = Buffer.from('*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$5\r\nRPUSH\r\n$4\r\nlate\r\n$1\r\nx\r\n')
  const late = { kind: 'effects', epoch: 1, position: last + 1, previous: '0123456789abcdef', payload } as const
  cluster.log.append(encodeRecord(late).batch, last)
  await cluster.pass(20)
  expect(client.received()).toBe('+OK\r\n')
  expect(decodeRecord(cluster.log.at(last + 2)!).kind).toBe('effects')
  const again = cluster.start(old.name, old.disk.copy())
  await cluster.pass(50)
  for (const member of [next, again, ...cluster.followers()]) {
    expect(await cluster.ask(member, 'GET', 'k')).toBe('$5\r\nafter\r\n')
    expect(await cluster.ask(member, 'EXISTS', 'late')).toBe(':0\r\n')
  }
})
