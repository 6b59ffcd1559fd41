// The faults made in a cluster under test. After each strike all processes run again and everything
// is connected; the caller checks whether the cluster has recovered.

import { assert } from '../../util/assert.ts'
import type { Random } from '../../util/numbers/random.ts'
import { sleep } from '../../util/time/real-time.ts'
import { anyOf } from './any-of.ts'
import type { Cluster } from './cluster.ts'
import { Connection } from './connection.ts'
import { CLIENTS } from './network.ts'
import { moveSlots } from './slot-moves.ts'
import type { TrialProcess } from './trial-process.ts'

export interface Strike {
  readonly name: string
  /** How often it is chosen, relative to the others. */
  readonly weight: number
  /** The facility that the machine must support. */
  readonly needs?: 'files' | 'network' | 'shards'
  /** How many machines lose power. */
  readonly cuts?: number
  /** Made while no write is in flight, so a broker has nothing to undo. */
  readonly isInQuiet?: true
  run(cluster: Cluster, random: Random): Promise<void>
}

/** Longer than a lease, and than the silence after which another broker takes over (timing.ts). */
const STANDSTILL_MS = { least: 2100, most: 6000 }
/** How soon a killed machine is back. */
const AWAY_MS = { least: 0, most: 1500 }
/** How long machines are cut off from each other, or a disk is slow. */
const TROUBLE_MS = { least: 1000, most: 6000 }
/** The duration of a sync on a slow disk. */
const SLOW_SYNC_MS = { least: 10, most: 150 }
/** How far a wall clock jumps, in either direction. */
const JUMP_MS = 24 * 3_600_000
/** About the duration of a move of slots. */
const MOVE_MS = 80
const HANDOVER_MS_MAX = 10_000

export const STRIKES: readonly Strike[] = [
  {
    name: 'the leader is killed',
    weight: 12,
    run: async (cluster, random) => killed(cluster, [await cluster.leader()], random),
  },
  {
    name: 'a broker is killed',
    weight: 2,
    run: (cluster, random) => killed(cluster, [anyOf(cluster.brokers, random)], random),
  },
  { name: 'all brokers are killed', weight: 1, run: (cluster, random) => killed(cluster, cluster.brokers, random) },
  {
    name: 'the leader stands still',
    weight: 4,
    run: async (cluster, random) => standsStill(await cluster.leader(), random),
  },
  {
    name: 'the leader stands still in a quiet moment',
    weight: 3,
    isInQuiet: true,
    run: async (cluster, random) => standsStill(await cluster.leader(), random),
  },
  {
    name: 'a broker stands still',
    weight: 1,
    run: (cluster, random) => standsStill(anyOf(cluster.brokers, random), random),
  },
  { name: 'the lead is handed over', weight: 12, run: (cluster) => handedOver(cluster) },
  {
    name: "a broker's disk is lost",
    weight: 1,
    async run(cluster, random) {
      const broker = anyOf(cluster.brokers, random)
      await cluster.emptyDisk(broker)
      broker.start()
    },
  },
  {
    name: 'clocks of the day jump',
    weight: 1,
    async run(cluster, random) {
      for (const broker of cluster.brokers) broker.tell(random.below(2 * JUMP_MS) - JUMP_MS)
      await handedOver(cluster)
    },
  },
  {
    name: "the log's leader is killed",
    weight: 2,
    run: async (cluster, random) => killed(cluster, [await logLeader(cluster, random)], random),
  },
  {
    name: 'a log server is killed',
    weight: 1,
    run: (cluster, random) => killed(cluster, [anyOf(cluster.log.members, random)], random),
  },
  {
    name: "the log's leader stands still",
    weight: 1,
    run: async (cluster, random) => standsStill(await logLeader(cluster, random), random),
  },
  {
    name: 'leader and log leader are killed',
    weight: 1,
    run: async (cluster, random) => killed(cluster, [await cluster.leader(), await logLeader(cluster, random)], random),
  },
  {
    name: 'the leader loses power',
    weight: 3,
    needs: 'files',
    cuts: 1,
    run: async (cluster, random) => losesPower(cluster, [await cluster.leader()], random),
  },
  {
    name: 'a log server loses power',
    weight: 3,
    needs: 'files',
    cuts: 1,
    run: (cluster, random) => losesPower(cluster, [anyOf(cluster.log.members, random)], random),
  },
  {
    name: 'two log servers lose power',
    weight: 2,
    needs: 'files',
    cuts: 2,
    run: (cluster, random) => losesPower(cluster, allButOne(cluster.log.members, random), random),
  },
  {
    name: 'all log servers lose power',
    weight: 2,
    needs: 'files',
    cuts: 3,
    run: (cluster, random) => losesPower(cluster, cluster.log.members, random),
  },
  {
    name: 'everything loses power',
    weight: 2,
    needs: 'files',
    cuts: 6,
    run: (cluster, random) => losesPower(cluster, cluster.members, random),
  },
  {
    // Only two servers have the batches that are acknowledged meanwhile, and one of these loses
    // power.
    name: 'a log server loses power while another stands still',
    weight: 2,
    needs: 'files',
    cuts: 1,
    async run(cluster, random) {
      const [first, second] = allButOne(cluster.log.members, random) as [TrialProcess, TrialProcess]
      const goOn = first.pause()
      await sleep(between({ least: 200, most: 1000 }, random))
      await losesPower(cluster, [second], random)
      goOn()
    },
  },
  {
    name: 'the disk of a log server is slow',
    weight: 1,
    needs: 'files',
    async run(cluster, random) {
      const { name } = anyOf(cluster.log.members, random)
      const { files } = cluster.machines
      await files?.slow(name, between(SLOW_SYNC_MS, random))
      await sleep(between(TROUBLE_MS, random))
      await files?.slow(name, 0)
    },
  },
  {
    name: 'the leader is cut off from the log',
    weight: 2,
    needs: 'network',
    run: async (cluster, random) => cutOff(cluster, [await cluster.leader()], cluster.log.members, random),
  },
  {
    name: 'the leader is cut off from its clients',
    weight: 1,
    needs: 'network',
    async run(cluster, random) {
      const { name } = await cluster.leader()
      const { network } = cluster.machines
      network?.cut(name, CLIENTS)
      await sleep(between(TROUBLE_MS, random))
      network?.mend(name, CLIENTS)
    },
  },
  {
    name: "the log's leader is cut off from the others",
    weight: 2,
    needs: 'network',
    async run(cluster, random) {
      const leader = await logLeader(cluster, random)
      const others = cluster.log.members.filter((member) => member !== leader)
      await cutOff(cluster, [leader], others, random)
    },
  },
  {
    name: 'slots move',
    weight: 10,
    needs: 'shards',
    run: async (cluster, random) => void (await moveSlots(cluster, random)),
  },
  {
    name: 'a leader is killed while slots move',
    weight: 10,
    needs: 'shards',
    async run(cluster, random) {
      const moving = await moveSlots(cluster, random)
      if (moving === undefined) return
      const victim = await cluster.leader(random.below(2) === 0 ? moving.from : moving.to)
      await sleep(random.below(MOVE_MS))
      await killed(cluster, [victim], random)
    },
  },
  {
    name: 'a leader stands still while slots move',
    weight: 4,
    needs: 'shards',
    async run(cluster, random) {
      const moving = await moveSlots(cluster, random)
      if (moving === undefined) return
      const victim = await cluster.leader(random.below(2) === 0 ? moving.from : moving.to)
      await sleep(random.below(MOVE_MS))
      await standsStill(victim, random)
    },
  },
  {
    // The leading broker and one log server on one side, all others on the other side.
    name: 'the leader is on the smaller side',
    weight: 2,
    needs: 'network',
    async run(cluster, random) {
      const here = [await cluster.leader(), anyOf(cluster.log.members, random)]
      await cutOff(
        cluster,
        here,
        cluster.members.filter((member) => !here.includes(member)),
        random,
      )
    },
  },
]

function between({ least, most }: { least: number; most: number }, random: Random): number {
  return least + random.below(most - least + 1)
}

function allButOne(members: readonly TrialProcess[], random: Random): TrialProcess[] {
  const left = anyOf(members, random)
  return members.filter((member) => member !== left)
}

async function logLeader(cluster: Cluster, random: Random): Promise<TrialProcess> {
  return (await cluster.logLeader()) ?? anyOf(cluster.log.members, random)
}

async function killed(cluster: Cluster, members: readonly TrialProcess[], random: Random): Promise<void> {
  await cluster.kill(members)
  await sleep(between(AWAY_MS, random))
  for (const member of members) member.start()
}

async function losesPower(cluster: Cluster, members: readonly TrialProcess[], random: Random): Promise<void> {
  await cluster.cutPower(members, random.uint32())
  await sleep(between(AWAY_MS, random))
  for (const member of members) member.start()
}

async function standsStill(member: TrialProcess, random: Random): Promise<void> {
  const goOn = member.pause()
  await sleep(between(STANDSTILL_MS, random))
  goOn()
}

/** Cuts two sides off from each other; sometimes only in one direction. */
async function cutOff(
  { machines }: Cluster,
  here: readonly TrialProcess[],
  there: readonly TrialProcess[],
  random: Random,
): Promise<void> {
  const { network } = machines
  assert(network !== undefined, 'a strike that needs a network has one')
  const pairs = here.flatMap((one) => there.map((other) => [one.name, other.name] as const))
  const way = random.below(4)
  const cuts = [...(way === 1 ? [] : pairs), ...(way === 0 ? [] : pairs.map(([a, b]) => [b, a] as const))]
  for (const [from, to] of cuts) network.cut(from, to)
  await sleep(between(TROUBLE_MS, random))
  for (const [from, to] of cuts) network.mend(from, to)
}

async function handedOver(cluster: Cluster): Promise<void> {
  const { host, port } = await cluster.leader()
  const connection = new Connection(host, port)
  // The broker may be unable to hand over at that moment; that does not matter.
  await connection.ask([['FAILOVER']], HANDOVER_MS_MAX).catch(() => {})
  connection.end()
}
