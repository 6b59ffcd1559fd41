// Snapshots: which nodes make and verify them, by which digests, and when the log is truncated
// behind them.

import { afterEach, expect, test } from 'vitest'
import type { SnapshotStore } from '../../src/replicated-log/snapshot-store.ts'
import { MemorySnapshots } from '../../src/replicated-log/snapshots/memory-snapshots.ts'
import { snapshotNoteIn } from '../../src/replicated-log/snapshots.ts'
import { TestClient } from '../support/engine.ts'
import { Cluster, type ClusterNode } from './cluster.ts'

let cluster: Cluster
afterEach(() => cluster.stop())

async function start(names: readonly string[], snapshots: SnapshotStore, snapshotEvery: number): Promise<ClusterNode> {
  cluster = new Cluster({}, { snapshots, snapshotEvery })
  for (const name of names) cluster.start(name)
  return cluster.leader()
}

/** The node that has made a snapshot. */
async function makerOf(snapshots: SnapshotStore, position: number): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of snapshots.get(position)) parts.push(part)
  return snapshotNoteIn(Buffer.concat(parts))!.node
}

/** Pushes this many values, each of which is a record. */
async function push(leader: ClusterNode, count: number): Promise<void> {
  const client = new TestClient(leader.engine, 2)
  for (let i = 0; i < count; i++) {
    client.ask('RPUSH', 'k', String(i))
    await cluster.pass(4)
  }
  client.disconnect()
}

/** Flips a bit in the memory of the node that is first to make a snapshot. */
async function spoilMaker(leader: ClusterNode, snapshots: SnapshotStore): Promise<ClusterNode> {
  while ((await snapshots.list()).length === 0) await push(leader, 1)
  const name = await makerOf(snapshots, (await snapshots.list())[0]!.position)
  const maker = cluster.nodes.find((one) => one.name === name)!
  maker.engine.effects.role.become('primary')
  expect(await cluster.ask(maker, 'SET', 'never said', 'x')).toBe('+OK\r\n')
  maker.engine.effects.role.become('follower')
  return maker
}

test('snapshots are looked for at intervals, not with each record', async () => {
  const snapshots = new MemorySnapshots()
  let looks = 0
  const list = snapshots.list.bind(snapshots)
  snapshots.list = () => {
    looks++
    return list()
  }
  const leader = await start(['a', 'b', 'c'], snapshots, 1000)
  for (let i = 0; i < 45; i++) await cluster.ask(leader, 'INCR', 'k')
  expect(leader.node!.chain.position).toBeGreaterThan(45)
  // Each follower at its first record, and every ten records.
  expect(looks).toBeLessThan(30)
})

test('snapshots are made by a follower, verified by another, and let the log be truncated; a new node begins with one', async () => {
  const snapshots = new MemorySnapshots()
  const leader = await start(['a', 'b', 'c'], snapshots, 10)
  for (let i = 0; i < 40; i++) await cluster.ask(leader, 'RPUSH', 'k', String(i))
  await cluster.pass(200)
  const kept = await snapshots.list()
  const { first } = cluster.log.bounds
  expect(first).toBeGreaterThan(5)
  expect(kept.map(({ position }) => position)).toContain(first - 1)
  const next = cluster.start('d')
  await cluster.pass(50)
  expect(await cluster.ask(next, 'LLEN', 'k')).toBe(':40\r\n')
  expect(next.node!.failure).toBeUndefined()
  // It continues from the data it has by now.
  cluster.kill(next)
  const again = cluster.start('d', next.disk.powerCut())
  await cluster.pass(50)
  await cluster.ask(leader, 'RPUSH', 'k', 'more')
  expect(await cluster.ask(again, 'LLEN', 'k')).toBe(':41\r\n')
})

test('snapshots bring back a follower that was away for too long', async () => {
  const snapshots = new MemorySnapshots()
  const leader = await start(['a', 'b', 'c'], snapshots, 10)
  await cluster.ask(leader, 'RPUSH', 'k', 'first')
  const away = cluster.followers()[0]!
  cluster.start('d')
  cluster.kill(away)
  for (let i = 0; i < 40; i++) await cluster.ask(leader, 'RPUSH', 'k', String(i))
  await cluster.pass(200)
  expect(cluster.log.bounds.first).toBeGreaterThan(away.node!.chain.position + 1)
  const back = cluster.start(away.name, away.disk.copy())
  await cluster.pass(50)
  expect(await cluster.ask(back, 'LLEN', 'k')).toBe(':41\r\n')
  expect(back.engine.databases[0]!.keys.count).toBe(1)
})

test('snapshots that are damaged are removed, and nothing is truncated for them', async () => {
  const snapshots = new MemorySnapshots()
  const leader = await start(['a', 'b', 'c'], snapshots, 30)
  while ((await snapshots.list()).length === 0) await cluster.ask(leader, 'RPUSH', 'k', 'x')
  snapshots.damage((await snapshots.list())[0]!.position)
  for (let i = 0; i < 5; i++) await cluster.ask(leader, 'RPUSH', 'k', 'x')
  expect(await snapshots.list()).toEqual([])
  expect(cluster.log.bounds.first).toBe(1)
})

test('snapshots are needed by a node that the log cannot bring up alone', async () => {
  cluster = new Cluster()
  for (const name of ['a', 'b', 'c']) cluster.start(name)
  const leader = await cluster.leader()
  for (let i = 0; i < 5; i++) await cluster.ask(leader, 'RPUSH', 'k', 'x')
  cluster.log.truncate(4)
  const next = cluster.start('d')
  await cluster.pass(50)
  expect(next.node!.failure).toBe('the log begins behind position 3, and there is no snapshot to continue from')
})

test('a snapshot of a node whose memory differs from the log is not verified by the others, and the log is not truncated for it', async () => {
  const snapshots = new MemorySnapshots()
  const leader = await start(['a', 'b', 'c', 'd'], snapshots, 10)
  const wrong = await spoilMaker(leader, snapshots)
  const right = cluster.followers().filter((one) => one !== wrong)
  const spoiledAt = cluster.log.bounds.last
  const truncatedBehind: string[] = []
  const { truncate } = cluster.log
  cluster.log.truncate = (before) => {
    if (before > spoiledAt) void makerOf(snapshots, before - 1).then((maker) => truncatedBehind.push(maker))
    truncate.call(cluster.log, before)
  }
  await push(leader, 200)
  await cluster.pass(200)
  for (const { errors } of right) {
    expect(errors).toContainEqual(
      expect.objectContaining({
        node: wrong.name,
        message: expect.stringContaining('a snapshot differs from the data'),
      }),
    )
    expect(errors.every(({ node }) => node === wrong.name)).toBe(true)
  }
  // Nodes with the same data continue without it.
  expect(truncatedBehind.length).toBeGreaterThan(1)
  expect(truncatedBehind).not.toContain(wrong.name)
  const next = cluster.start('e')
  await cluster.pass(50)
  expect(await cluster.ask(next, 'EXISTS', 'never said')).toBe(':0\r\n')
  expect(await cluster.ask(next, 'LLEN', 'k')).toBe(await cluster.ask(leader, 'LLEN', 'k'))
})

test('when two followers differ, the leader verifies the right one', async () => {
  const snapshots = new MemorySnapshots()
  const leader = await start(['a', 'b', 'c'], snapshots, 10)
  const wrong = await spoilMaker(leader, snapshots)
  await push(leader, 200)
  const { first } = cluster.log.bounds
  expect(first).toBeGreaterThan(1)
  expect(await makerOf(snapshots, first - 1)).not.toBe(wrong.name)
})

test('with two nodes, the leader verifies snapshots of the other, and the log does not grow for ever', async () => {
  const snapshots = new MemorySnapshots()
  const leader = await start(['a', 'b'], snapshots, 10)
  await push(leader, 200)
  const { first, last } = cluster.log.bounds
  expect(last - first).toBeLessThan(120)
  expect((await snapshots.list()).length).toBeLessThan(10)
})

test('a snapshot can be read in parts of any size', async () => {
  const snapshots = new MemorySnapshots()
  const { get } = snapshots
  snapshots.get = async function* (position: number) {
    for await (const part of get.call(snapshots, position))
      for (let at = 0; at < part.length; at += 7) yield part.subarray(at, at + 7)
  }
  const leader = await start(['a', 'b', 'c'], snapshots, 10)
  for (let i = 0; i < 40; i++) await cluster.ask(leader, 'RPUSH', 'k', String(i))
  await cluster.pass(200)
  expect(cluster.log.bounds.first).toBeGreaterThan(5)
})

test('a snapshot that two nodes have made at the same time is verified by one of them, and the log does not grow', async () => {
  const snapshots = new MemorySnapshots()
  const put = snapshots.put.bind(snapshots)
  let puts = 0
  // Slow enough that neither node sees the other's.
  snapshots.put = async (position, parts) => {
    puts++
    const made: Uint8Array[] = []
    for await (const part of parts) made.push(part)
    await new Promise<void>((resolve) => void cluster.world.after(8, resolve))
    await put(
      position,
      (async function* () {
        yield* made
      })(),
    )
  }
  const leader = await start(['a', 'b', 'c'], snapshots, 10)
  let longest = 0
  for (let i = 0; i < 30; i++) {
    await push(leader, 4)
    const { first, last } = cluster.log.bounds
    longest = Math.max(longest, last - first)
  }
  expect(puts).toBeGreaterThan(10)
  expect(longest).toBeLessThan(35)
})
