// A cluster under test: three log servers and three brokers, and the faults that can be made.

import { mkdirSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { ConfigSettings } from '../../config/config.ts'
import { assert } from '../../util/assert.ts'
import { performance, sleep } from '../../util/time/real-time.ts'
import { type BrokerStatus, prepareBrokers, SHARD, statusOf } from './broker.ts'
import { type LogKind, type LogSystem, prepareLog } from './log-system.ts'
import { type Machine, Machines } from './machines.ts'
import { hasMoves, knowsShards, type Shard } from './shards.ts'
import type { TrialProcess } from './trial-process.ts'

const LOG_SERVERS = 3
const BROKERS = 3
/** Brokers of each shard, when there are several. */
const BROKERS_OF_SHARD = 2
const POLL_MS = 25
/**
 * A log whose servers have all lost power takes about 10 s to answer; on a busy machine everything
 * takes longer.
 */
const WELL_MS_MAX = 120_000

export interface ClusterOptions {
  readonly dir: string
  readonly logKind: LogKind
  /** The words that start this program. */
  readonly program: readonly string[]
  /** Settings beside those of every broker. */
  readonly settings?: ConfigSettings
  /**
   * `plain`: all machines are this one, without power cuts. Default: as far `apart` as the system
   * allows.
   */
  readonly machines?: 'apart' | 'plain'
  /** How fast the clocks of each broker run. Default: as fast as this machine's. */
  readonly clockRates?: readonly number[]
  /** How many shards there are; default 1. */
  readonly shards?: number
}

export class Cluster {
  readonly machines: Machines
  readonly log: LogSystem
  readonly shards: readonly Shard[]
  readonly brokers: readonly TrialProcess[]
  /** The shard that strikes hit. */
  struck: Shard

  private constructor(machines: Machines, log: LogSystem, shards: readonly Shard[]) {
    const [first] = shards
    assert(first !== undefined, 'a cluster has a shard')
    this.machines = machines
    this.log = log
    this.shards = shards
    this.brokers = shards.flatMap(({ brokers }) => brokers)
    this.struck = first
  }

  /** Starts the cluster, and waits until a broker leads. Throws the reason when none does. */
  static async start({
    clockRates = [],
    dir,
    logKind,
    machines: kind = 'apart',
    program,
    settings = {},
    shards: shardCount = 1,
  }: ClusterOptions): Promise<Cluster> {
    const names = (kind: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${kind}-${i + 1}`)
    const all = [
      ...names('log', LOG_SERVERS),
      ...names('broker', shardCount === 1 ? BROKERS : shardCount * BROKERS_OF_SHARD),
    ]
    const machines =
      kind === 'plain'
        ? await Machines.plain(all, dir)
        : await Machines.create(all, dir, [...program, 'prove-durability'])
    const log = prepareLog(logKind, machines.all.slice(0, LOG_SERVERS), dir)
    const places = machines.all.slice(LOG_SERVERS)
    const brokersOfShard = places.length / shardCount
    const shards = Array.from({ length: shardCount }, (_, i): Shard => {
      const name = i === 0 ? SHARD : `${SHARD}-${i + 1}`
      // Snapshots of two shards do not lie in one place.
      mkdirSync(path.join(dir, 'snapshots', name), { recursive: true })
      const options = {
        clockRates,
        dir,
        log: log.address(name),
        program,
        shard: name,
        snapshots: `file://${path.join(dir, 'snapshots', name)}`,
        settings: {
          ...(shardCount > 1 ? { 'cluster-enabled': 'yes' } : {}),
          ...(i > 0 ? { 'cluster-log': log.address(SHARD) } : {}),
          ...settings,
        },
      }
      return { name, brokers: prepareBrokers(places.slice(i * brokersOfShard, (i + 1) * brokersOfShard), options) }
    })
    const cluster = new Cluster(machines, log, shards)
    try {
      for (const member of cluster.members) member.start()
      for (const shard of shards) await cluster.leader(shard)
      if (shardCount > 1) await cluster.whenWell()
      return cluster
    } catch (error) {
      await cluster.end()
      throw error
    }
  }

  get members(): TrialProcess[] {
    return [...this.log.members, ...this.brokers]
  }

  /**
   * Returns the broker that leads a shard (default: the one that strikes hit), as soon as one does.
   * Throws when there is none for too long.
   */
  async leader({ brokers }: Shard = this.struck): Promise<TrialProcess> {
    return this.#soon('no broker leads', async () => {
      const statuses = await Promise.all(brokers.map(statusOf))
      const at = statuses.findIndex((status) => status?.leads === true)
      return brokers[at]
    })
  }

  /** The server that leads the log; undefined when it is not known. */
  logLeader(): Promise<TrialProcess | undefined> {
    return this.log.leader(this.struck.name)
  }

  /** Each broker's part in its log, by shards; undefined when it does not answer. */
  statuses(): Promise<(BrokerStatus | undefined)[][]> {
    return Promise.all(this.shards.map(({ brokers }) => Promise.all(brokers.map(statusOf))))
  }

  async kill(members: readonly TrialProcess[]): Promise<void> {
    await Promise.all(members.map((member) => member.kill()))
  }

  /** Cuts the power of machines at the same moment: data that was not synced is lost. */
  async cutPower(members: readonly TrialProcess[], seed: number): Promise<void> {
    await this.kill(members)
    const { files } = this.machines
    assert(files !== undefined, 'power is cut only where files are volatile')
    await files.cut(
      members.map(({ name }) => name),
      seed,
    )
  }

  /** Empties a machine's disk. */
  async emptyDisk(member: TrialProcess): Promise<void> {
    await member.kill()
    const { dir } = this.#machineOf(member)
    for (const name of await readdir(dir)) await rm(path.join(dir, name), { recursive: true })
  }

  /**
   * Waits until the cluster is healthy: every process runs, one broker of each shard leads, the
   * others have read up to its position, and no slots move. Throws the problem when there is no
   * progress for too long.
   */
  async whenWell(): Promise<void> {
    for (const member of this.members) member.start()
    for (const shard of this.shards) await this.#whenShardIsWell(shard)
    if (this.shards.length > 1)
      await this.#soon('slots are still moving', async () => {
        const known = await Promise.all(
          this.brokers.map(async (one) => (await knowsShards(one, this.shards.length)) && !(await hasMoves(one))),
        )
        return known.every((isWell) => isWell) ? true : undefined
      })
  }

  async #whenShardIsWell({ brokers }: Shard): Promise<void> {
    let reached = -1
    await this.#soon('the cluster is not healthy', async (restart) => {
      const statuses = await Promise.all(brokers.map(statusOf))
      // The broker that is furthest behind, perhaps with an empty disk, reads for as long as it
      // needs.
      const furthestBehind = Math.min(...statuses.map((status) => status?.position ?? -1))
      if (furthestBehind > reached) restart()
      reached = Math.max(reached, furthestBehind)
      const failure = statuses.find(
        (status) => status !== undefined && status.failure !== '' && status.state === 'stopped',
      )
      if (failure !== undefined) throw new Error(`a broker has stopped: ${failure.failure}`)
      const leader = statuses.find((status) => status?.leads === true)
      if (leader === undefined || statuses.includes(undefined)) return undefined
      const later = await Promise.all(brokers.map(statusOf))
      return later.every((status) => status !== undefined && status.position >= leader.position) ? true : undefined
    })
  }

  /** Ends all processes, and removes what was set up in the system. */
  async end(): Promise<void> {
    await Promise.all(this.members.map((member) => member.end()))
    await this.machines.remove()
  }

  /** The last lines of output of all processes, for reports. */
  lastWords(): string {
    return this.members.map((member) => `${member.name}: ${member.lastWords()}`).join('\n')
  }

  #machineOf({ name }: TrialProcess): Machine {
    const found = this.machines.all.find((machine) => machine.name === name)
    assert(found !== undefined, 'each member runs on a machine of its name')
    return found
  }

  /** Polls until something is found; `restart` starts the time limit again. */
  async #soon<T>(otherwise: string, look: (restart: () => void) => Promise<T | undefined>): Promise<T> {
    let endMs = 0
    const restart = (): void => {
      endMs = performance.now() + WELL_MS_MAX
    }
    for (restart(); performance.now() < endMs; ) {
      const found = await look(restart)
      if (found !== undefined) return found
      await sleep(POLL_MS)
    }
    throw new Error(`${otherwise} after ${WELL_MS_MAX / 1000} s\n${this.lastWords()}`)
  }
}
