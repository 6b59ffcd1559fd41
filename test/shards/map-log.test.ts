// The map and its log: concurrent changes by several nodes, none of which is lost or made twice.

import { expect, test } from 'vitest'
import { silentLog } from '../../src/engine/log.ts'
import { InMemoryLog, type Weather } from '../../src/replicated-log/in-memory-log.ts'
import { MapLog } from '../../src/shards/map-log.ts'
import { ShardMap, spansOf } from '../../src/shards/shard-map.ts'
import { SimWorld } from '../replicated-log/sim-clock.ts'

const CALM: Weather = { delayMs: () => 1, losesRequest: () => false, losesReply: () => false }
const always = (): boolean => true

function nodes(
  count: number,
  weathers: readonly Weather[] = [],
): { world: SimWorld; log: InMemoryLog; maps: MapLog[] } {
  const world = new SimWorld()
  const log = new InMemoryLog({ clock: world, answerTimeoutMs: 50 })
  const maps = Array.from({ length: count }, (_, i) => {
    const map = new MapLog({ clock: world, messages: silentLog, retryMs: 10 })
    map.follow(log.connect(world, weathers[i] ?? CALM))
    return map
  })
  return { world, log, maps }
}

const member = (id: string) => ({ id, shard: 'a', ip: '', port: 1, tlsPort: 0, hostname: '' })
const withMember = (id: string) => (map: ShardMap) =>
  map.member(id) === undefined ? map.withMember(member(id)) : undefined

test('concurrent changes are each made from the one before', async () => {
  const { maps, world } = nodes(3)
  for (const [i, map] of maps.entries()) void map.change(withMember(`node ${i}`), always)
  await world.runTo(200)
  for (const { map, version } of maps) {
    expect(version).toBe(3)
    expect(map.members.map(({ id }) => id).sort()).toEqual(['node 0', 'node 1', 'node 2'])
  }
})

test('a change whose answer was lost is recognised, and not made twice', async () => {
  let losses = 1
  const { maps, world } = nodes(2, [{ ...CALM, losesReply: () => world.nowMs > 100 && losses-- > 0 }])
  await world.runTo(100)
  let made = 0
  const done = maps[0]!.change((map) => {
    made++
    return withMember('node')(map)
  }, always)
  await world.runTo(400)
  expect(await done).toBe(1)
  expect([made, maps[1]!.version]).toEqual([1, 1])
})

test('an answer about the end that is older than the last read is not a lost end', async () => {
  let delayMs = 1
  const slow: Weather = { ...CALM, delayMs: (what) => (what === 'reply' ? delayMs : 1) }
  const { maps, world } = nodes(2, [slow])
  await world.runTo(20)
  // The first asks for the end of the log; meanwhile the second appends, and the first reads that.
  delayMs = 40
  const asked = maps[0]!.change(withMember('first'), always)
  await world.runTo(22)
  for (let i = 0; i < 3; i++) void maps[1]!.change(withMember(`second ${i}`), always)
  await world.runTo(600)
  expect(maps[0]!.failure).toBeUndefined()
  expect(await asked).toBeGreaterThan(0)
  expect(maps[0]!.map.members).toHaveLength(4)
})

test('a change that is not wanted any more is given up; while the log is away it is tried again', async () => {
  const { log, maps, world } = nodes(1)
  log.isAway = true
  let isWanted = true
  const given = maps[0]!.change(withMember('given up'), () => isWanted)
  await world.runTo(50)
  isWanted = false
  await world.runTo(100)
  expect(await given).toBeUndefined()
  const kept = maps[0]!.change(withMember('kept'), always)
  await world.runTo(150)
  log.isAway = false
  await world.runTo(300)
  expect(await kept).toBe(1)
})

test('the map is truncated behind the maps in use, and a new node reads the last', async () => {
  const { log, maps, world } = nodes(1)
  for (let i = 0; i < 70; i++) void maps[0]!.change((map) => map.withMember(member(`${i}`)), always)
  await world.runTo(2000)
  expect(log.bounds.first).toBeGreaterThan(20)
  const late = new MapLog({ clock: world, messages: silentLog, retryMs: 10 })
  late.follow(log.connect(world, CALM))
  await world.runTo(2100)
  expect(late.map.members).toHaveLength(70)
})

test('a map is equal after it was written and read; a move gives its slots in portions', () => {
  const shard = (name: string) => ({ name, log: `memory/${name}`, epoch: 1, leader: name })
  const begun = ShardMap.empty
    .withLeader(shard('a'))
    .withLeader(shard('b'))
    .withMove({ from: 'a', to: 'b', slots: [[5, 9]], token: 'x' })
  const half = begun.withSettled(1, [[5, 6]], 3)
  const read = ShardMap.parse(half.print())
  expect(read.print()).toBe(half.print())
  expect([read.ownerOf(4), read.ownerOf(5), read.ownerOf(7)]).toEqual(['a', 'b', 'a'])
  expect([read.slotCountOf('a'), read.slotCountOf('b'), read.slotsOwned]).toEqual([16382, 2, 16384])
  expect(read.move(1)).toMatchObject({ left: [[7, 9]], keys: 3 })
  expect(read.withSettled(1, [[7, 9]], 1).moves).toMatchObject([{ state: 'done', left: [], keys: 4 }])
  expect(read.withCancelled(1).move(1)).toBeUndefined()
  expect(spansOf([3, 1, 2, 9])).toEqual([
    [1, 3],
    [9, 9],
  ])
  expect(() => ShardMap.parse('{}')).toThrow('not a map')
})
