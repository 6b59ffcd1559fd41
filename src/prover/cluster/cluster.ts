// A cluster on trial: three log servers and three brokers, and what may happen to them.

import { mkdirSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { ConfigSettings } from '../../config/config.ts'
import { performance, sleep } from '../../util/time/real-time.ts'
import { prepareBrokers, type Standing, standingOf } from './broker.ts'
import { type LogKind, type LogSystem, prepareLog } from './log-system.ts'
import { type Machine, Machines } from './machines.ts'
import type { Member } from './member.ts'

const LOG_SERVERS = 3
const BROKERS = 3
/** The log's name. */
const LOG = 'prove'
const POLL_MS = 25
/** A log whose servers all lost power takes some 10 s to answer; a busy machine takes longer for everything. */
const WELL_MS_MAX = 120_000

export interface ClusterOptions {
  readonly dir: string
  readonly logKind: LogKind
  /** The words that start this program. */
  readonly program: readonly string[]
  /** Beside those that every broker has. */
  readonly settings?: ConfigSettings
  /** `plain`: this machine as it is, whose power nobody cuts. Default: as far `apart` as the system allows. */
  readonly machines?: 'apart' | 'plain'
}

export class Cluster {
  readonly machines: Machines
  readonly log: LogSystem
  readonly brokers: readonly Member[]

  private constructor(machines: Machines, log: LogSystem, brokers: readonly Member[]) {
    this.machines = machines
    this.log = log
    this.brokers = brokers
  }

  /** Starts it, and waits until a broker leads. Throws what kept it from that. */
  static async start({
    dir,
    logKind,
    machines: kind = 'apart',
    program,
    settings = {},
  }: ClusterOptions): Promise<Cluster> {
    const names = (kind: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${kind}-${i + 1}`)
    const all = [...names('log', LOG_SERVERS), ...names('broker', BROKERS)]
    const machines =
      kind === 'plain'
        ? await Machines.plain(all, dir)
        : await Machines.create(all, dir, [...program, 'prove-durability'])
    const log = prepareLog(logKind, machines.all.slice(0, LOG_SERVERS), dir)
    const snapshots = path.join(dir, 'snapshots')
    mkdirSync(snapshots)
    const options = { dir, log: log.address(LOG), program, settings, snapshots: `file://${snapshots}` }
    const brokers = prepareBrokers(machines.all.slice(LOG_SERVERS), options)
    const cluster = new Cluster(machines, log, brokers)
    try {
      for (const member of cluster.members) member.start()
      await cluster.leader()
      return cluster
    } catch (error) {
      await cluster.end()
      throw error
    }
  }

  get members(): Member[] {
    return [...this.log.members, ...this.brokers]
  }

  /** The broker that leads, as soon as one does. Throws when nobody does for too long. */
  async leader(): Promise<Member> {
    return this.#soon('nobody leads', async () => {
      const standings = await this.standings()
      const at = standings.findIndex((standing) => standing?.leads === true)
      return this.brokers[at]
    })
  }

  /** The server that leads the log; undefined = nobody says. */
  logLeader(): Promise<Member | undefined> {
    return this.log.leader(LOG)
  }

  /** Where each broker stands; undefined = it does not say. */
  standings(): Promise<(Standing | undefined)[]> {
    return Promise.all(this.brokers.map(standingOf))
  }

  async kill(members: readonly Member[]): Promise<void> {
    await Promise.all(members.map((member) => member.kill()))
  }

  /** Takes power from machines at the same moment: what they had not synced is gone. */
  async cutPower(members: readonly Member[], seed: number): Promise<void> {
    await this.kill(members)
    await this.machines.files!.cut(
      members.map(({ name }) => name),
      seed,
    )
  }

  /** Leaves a machine with an empty disk. */
  async emptyDisk(member: Member): Promise<void> {
    await member.kill()
    const { dir } = this.#machineOf(member)
    for (const name of await readdir(dir)) await rm(path.join(dir, name), { recursive: true })
  }

  /** Waits until all is well: everybody runs, one broker leads, the others have what it had. Throws what is wrong when nothing goes on for too long. */
  async whenWell(): Promise<void> {
    for (const member of this.members) member.start()
    let reached = -1
    await this.#soon('not all is well', async (restart) => {
      const standings = await this.standings()
      // Whoever is furthest behind, with an empty disk perhaps, reads for as long as that takes.
      const furthestBehind = Math.min(...standings.map((standing) => standing?.position ?? -1))
      if (furthestBehind > reached) restart()
      reached = Math.max(reached, furthestBehind)
      const failure = standings.find(
        (standing) => standing !== undefined && standing.failure !== '' && standing.state === 'stopped',
      )
      if (failure !== undefined) throw new Error(`a broker has stopped: ${failure.failure}`)
      const leader = standings.find((standing) => standing?.leads === true)
      if (leader === undefined || standings.includes(undefined)) return undefined
      return (await this.#haveReached(leader.position)) ? true : undefined
    })
  }

  /** Ends everything, and gives back what the system lent. */
  async end(): Promise<void> {
    await Promise.all(this.members.map((member) => member.end()))
    await this.machines.remove()
  }

  /** The last words of whoever has something to say, for reports. */
  lastWords(): string {
    return this.members.map((member) => `${member.name}: ${member.lastWords()}`).join('\n')
  }

  #machineOf({ name }: Member): Machine {
    return this.machines.all.find((machine) => machine.name === name)!
  }

  async #haveReached(position: number): Promise<boolean> {
    const standings = await this.standings()
    return standings.every((standing) => standing !== undefined && standing.position >= position)
  }

  /** Looks until something is found; `restart` gives it as long again. */
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
