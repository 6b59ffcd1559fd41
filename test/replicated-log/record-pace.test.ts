// When a leader's gathered effects become a record: early enough for the waiting clients, late
// enough for others to join.

import { afterEach, expect, test } from 'vitest'
import { decodeRecord } from '../../src/replicated-log/record.ts'
import { RecordPace } from '../../src/replicated-log/record-pace.ts'
import { TestClient } from '../support/engine.ts'
import { Cluster, type ClusterNode } from './cluster.ts'
import { SimWorld } from './sim-clock.ts'

const MIB = 1024 * 1024

function paceIn(world: SimWorld): { pace: RecordPace; wokenAt: number[] } {
  const wokenAt: number[] = []
  const pace = new RecordPace(world, MIB, () => void wokenAt.push(world.nowMs))
  return { pace, wokenAt }
}

test('a lone writer does not wait for others', async () => {
  const world = new SimWorld()
  const { pace } = paceIn(world)
  for (let i = 0; i < 10; i++) {
    expect(pace.goes(1, 100, false)).toBe(true)
    await world.runTo(world.nowMs + 3)
    pace.answered(3, 1)
  }
})

test('effects gather while a record is in flight, until it is answered', () => {
  const { pace } = paceIn(new SimWorld())
  expect(pace.goes(1, 100, false)).toBe(true)
  expect(pace.goes(1, 100, true)).toBe(false)
  expect(pace.goes(2, 200, true)).toBe(false)
  pace.answered(3, 1 + 2)
  expect(pace.goes(3, 300, false)).toBe(true)
})

test('a record waits for clients that have just got replies, so that all writes go together', async () => {
  const world = new SimWorld()
  const { pace } = paceIn(world)
  expect(pace.goes(25, 2500, false)).toBe(true)
  await world.runTo(4)
  // Of 50 clients 25 have written meanwhile; the others have just got replies.
  pace.answered(4, 50)
  expect(pace.goes(25, 2500, false)).toBe(false)
  await world.runTo(5)
  expect(pace.goes(49, 4900, false)).toBe(false)
  expect(pace.goes(50, 5000, false)).toBe(true)
})

test('the wait for absent clients lasts as long as the log takes to answer, 8 ms at most', async () => {
  for (const [answerMs, waitMs] of [
    [4, 4],
    [30, 8],
  ] as const) {
    const world = new SimWorld()
    const { pace, wokenAt } = paceIn(world)
    pace.answered(answerMs, 50)
    expect(pace.goes(25, 2500, false)).toBe(false)
    await world.runTo(100)
    expect(wokenAt).toEqual([waitMs])
    expect(pace.goes(25, 2500, false)).toBe(true)
  }
})

test('waiting in vain becomes rarer and rarer, and usual again once all have come', async () => {
  const world = new SimWorld()
  const { pace } = paceIn(world)
  /** How many groups go at once before one waits again, for half of all. */
  const untilNextWait = async (): Promise<number> => {
    for (let groups = 0; ; groups++) {
      pace.answered(4, 50)
      if (pace.goes(25, 2500, false)) continue
      await world.runTo(world.nowMs + 5)
      expect(pace.goes(25, 2500, false)).toBe(true)
      return groups
    }
  }
  const tries: number[] = []
  for (let i = 0; i < 7; i++) tries.push(await untilNextWait())
  expect(tries).toEqual([0, 1, 2, 4, 8, 16, 16])
  for (let i = 0; i < 16; i++) {
    pace.answered(4, 50)
    expect(pace.goes(25, 2500, false)).toBe(true)
  }
  pace.answered(4, 50)
  expect(pace.goes(50, 5000, false)).toBe(true)
  expect([await untilNextWait(), await untilNextWait()]).toEqual([0, 1])
})

test('many bytes go at once, and few after 20 ms, whatever is in flight', async () => {
  const world = new SimWorld()
  const { pace, wokenAt } = paceIn(world)
  expect(pace.goes(1, 100, false)).toBe(true)
  expect(pace.goes(1, MIB / 8, true)).toBe(true)
  await world.runTo(10)
  expect(pace.goes(1, 100, true)).toBe(false)
  await world.runTo(19)
  expect(wokenAt).toEqual([])
  await world.runTo(20)
  expect(wokenAt).toEqual([20])
  expect(pace.goes(1, 100, true)).toBe(true)
})

test('a stopped journal is not woken any more', async () => {
  const world = new SimWorld()
  const { pace, wokenAt } = paceIn(world)
  pace.goes(1, 100, false)
  pace.goes(1, 100, true)
  pace.stop()
  await world.runTo(100)
  expect(wokenAt).toEqual([])
})

let cluster: Cluster | undefined
afterEach(() => cluster?.stop())

/** A node that leads, past the positions where it has one record in flight at a time. */
async function leading(): Promise<ClusterNode> {
  cluster = new Cluster()
  cluster.start('a')
  const leader = await cluster.leader()
  await cluster.pass(1000)
  return leader
}

/** The effects records behind a position. */
function effectsBehind(position: number): Buffer[] {
  const { log } = cluster!
  const found: Buffer[] = []
  for (let at = position + 1; at <= log.bounds.last; at++) {
    const record = decodeRecord(log.at(at)!)
    if (record.kind === 'effects') found.push(record.payload)
  }
  return found
}

test('clients that write again after their replies share records', async () => {
  const leader = await leading()
  const clients = Array.from({ length: 20 }, () => new TestClient(leader.engine, 2))
  const { last } = cluster!.log.bounds
  let written = 0
  for (const client of clients) client.ask('RPUSH', 'k', 'x')
  // Each is answered separately, some at once and some 1 ms later.
  for (let ms = 0; ms < 100; ms++) {
    await cluster!.pass(1)
    for (const client of clients) {
      if (client.received() === '') continue
      written++
      client.ask('RPUSH', 'k', 'x')
    }
  }
  expect(written).toBeGreaterThan(20 * 20)
  expect(written / effectsBehind(last).length).toBeGreaterThan(15)
})

test('over a slow link a large volume has several records in flight, and a small write is sent after 20 ms at most', async () => {
  const leader = await leading()
  leader.weather = { ...leader.weather, delayMs: () => 15 }
  const { last } = cluster!.log.bounds
  const client = (): TestClient => new TestClient(leader.engine, 2)
  const large = [client(), client()]
  for (const one of large) one.ask('SET', 'large', 'x'.repeat(MIB / 8))
  await cluster!.pass(16)
  expect(effectsBehind(last)).toHaveLength(2)
  await cluster!.pass(100)

  const [first, second] = [client(), client()]
  first.ask('SET', 'a', 'v')
  await cluster!.pass(2)
  second.ask('SET', 'b', 'v')
  // Sent at 20 ms, answered 30 ms after that.
  await cluster!.pass(47)
  expect([first.received(), second.received()]).toEqual(['+OK\r\n', ''])
  await cluster!.pass(2)
  expect(second.received()).toBe('+OK\r\n')
})

test('a lease record in flight delays no write', async () => {
  const leader = await leading()
  const client = new TestClient(leader.engine, 2)
  const { log } = cluster!
  const before = log.bounds.last
  while (log.bounds.last === before) await cluster!.pass(0.5)
  // The lease has arrived, but its answer has not.
  expect(leader.node!.underWay).toBe(1)
  client.ask('SET', 'k', 'v')
  expect(leader.node!.underWay).toBe(2)
})
