// A cluster under load and in trouble, round after round. In a round it is struck a few times, each time when it works again; then everything is
// looked at: what was acknowledged, what was read, what every broker holds.

import { Random } from '../../util/numbers/random.ts'
import { performance, sleep } from '../../util/time/real-time.ts'
import type { Reply } from '../durability/ways.ts'
import { Cluster, type ClusterOptions } from './cluster.ts'
import { Connection } from './connection.ts'
import type { Member } from './member.ts'
import { Recorder, requestFor } from './recorder.ts'
import { STRIKES, type Strike } from './strikes.ts'

const CLIENTS = 16
const STRIKES_OF_ROUND = 4
/** Between a recovery and the next strike. */
const CALM_MS_MAX = 600
const POLL_MS = 10
/** A cluster that acknowledges nothing for so long after a strike has not recovered. */
const RECOVERY_MS_MAX = 120_000
const READ_MS_MAX = 30_000
/** So often, and so far apart, a broker's keys are held against the leader's before they count as different. */
const LOOKS_MAX = 10
const LOOK_MS = 100

/** What was seen so far. */
export interface Seen {
  rounds: number
  /** How often somebody began to lead, after the first. */
  failovers: number
  /** Moments in which power was cut, and machines that lost it. */
  cuts: number
  machinesCut: number
  acknowledged: number
  reads: number
  refused: number
  /** Requests whose answer was lost. */
  unknown: number
  /** For each strike by name: how long no write was acknowledged, each time. */
  readonly pausesMs: Map<string, number[]>
  /** What must not be. */
  readonly problems: string[]
}

export interface TrialOptions extends ClusterOptions {
  readonly seed: number
  /** Those that may happen; default: all that the machine allows. */
  readonly strikes?: readonly Strike[]
  /** The time that named subscribers get in the end of a round; default 20 s. */
  readonly hearingMs?: number
  /** Told what happens. */
  readonly trace?: (line: string) => void
}

export class ClusterTrial {
  readonly seen: Seen = {
    rounds: 0,
    failovers: 0,
    cuts: 0,
    machinesCut: 0,
    acknowledged: 0,
    reads: 0,
    refused: 0,
    unknown: 0,
    pausesMs: new Map(),
    problems: [],
  }
  readonly cluster: Cluster
  readonly #options: TrialOptions
  readonly #random: Random
  /** Each as often as it weighs. */
  readonly #strikes: readonly Strike[]
  #epoch = 1

  private constructor(options: TrialOptions, cluster: Cluster) {
    const { files, network } = cluster.machines
    this.#options = options
    this.#random = new Random(options.seed)
    this.cluster = cluster
    const allowed = (options.strikes ?? STRIKES).filter(
      ({ needs }) => (needs !== 'files' || files !== undefined) && (needs !== 'network' || network !== undefined),
    )
    this.#strikes = allowed.flatMap((strike) => new Array<Strike>(strike.weight).fill(strike))
  }

  static async start(options: TrialOptions): Promise<ClusterTrial> {
    return new ClusterTrial(options, await Cluster.start(options))
  }

  /** Runs a round; `isEnough` says that no more strikes are wanted. Throws where the cluster does not recover. */
  async round(isEnough: () => boolean = () => false): Promise<void> {
    const { cluster, seen } = this
    const recorder = new Recorder(cluster.brokers, this.#random, `prove:${++seen.rounds}:`, this.#options.hearingMs)
    recorder.start(CLIENTS)
    try {
      await this.#recovered(recorder)
      for (let i = 0; i < STRIKES_OF_ROUND && (i === 0 || !isEnough()); i++) {
        await sleep(this.#random.below(CALM_MS_MAX))
        await this.#strike(this.#draw(), recorder)
      }
      await cluster.whenWell()
    } finally {
      await recorder.stop()
    }
    const { totals } = recorder
    seen.acknowledged += totals.acknowledged
    seen.reads += totals.reads
    seen.refused += totals.refused
    seen.unknown += totals.unknown
    await this.#examine(recorder)
  }

  async end(): Promise<void> {
    await this.cluster.end()
  }

  /** Returns the keys that a broker holds otherwise than the leader. It looks more than once: a message that was scheduled may be published meanwhile. */
  async #keysThatDiffer(broker: Member, leader: Member, keys: readonly string[]): Promise<string[]> {
    let differing: string[] = []
    for (let i = 0; i < LOOKS_MAX; i++) {
      const [own, held] = [await readAll(broker, keys), await readAll(leader, keys)]
      differing = keys.filter((key) => JSON.stringify(own.get(key)) !== JSON.stringify(held.get(key)))
      if (differing.length === 0) break
      await sleep(LOOK_MS)
    }
    return differing
  }

  async #strike(strike: Strike, recorder: Recorder): Promise<void> {
    const { cluster, seen } = this
    this.#trace(strike.name)
    recorder.takeLongestPauseMs()
    if (strike.isInQuiet === true) await this.#strikeInQuiet(strike, recorder)
    else await strike.run(cluster, this.#random)
    await this.#recovered(recorder)
    const pauseMs = recorder.takeLongestPauseMs()
    this.#trace(`  no write was acknowledged for ${pauseMs.toFixed(0)} ms`)
    const pauses = seen.pausesMs.get(strike.name)
    if (pauses === undefined) seen.pausesMs.set(strike.name, [pauseMs])
    else pauses.push(pauseMs)
    if (strike.cuts !== undefined) {
      seen.cuts++
      seen.machinesCut += strike.cuts
    }
    await this.#countEpochs()
  }

  /** Nobody writes before another broker leads, so nothing waits for the one that is struck when it goes on. */
  async #strikeInQuiet(strike: Strike, recorder: Recorder): Promise<void> {
    await recorder.fallQuiet()
    let isOver = false
    const over = strike.run(this.cluster, this.#random).finally(() => {
      isOver = true
    })
    while (!isOver && !(await this.#isLedAnew())) await sleep(POLL_MS)
    recorder.goOn()
    await over
  }

  async #isLedAnew(): Promise<boolean> {
    const standings = await this.cluster.standings()
    return standings.some((standing) => standing?.leads === true && standing.epoch > this.#epoch)
  }

  /** Waits until a write is acknowledged that was asked for a moment ago. */
  async #recovered(recorder: Recorder): Promise<void> {
    const sinceMs = performance.now()
    while (recorder.lastWriteMs <= sinceMs) {
      if (performance.now() > sinceMs + RECOVERY_MS_MAX)
        throw new Error(`no write was acknowledged for ${RECOVERY_MS_MAX / 1000} s\n${this.cluster.lastWords()}`)
      await sleep(POLL_MS)
    }
  }

  async #countEpochs(): Promise<void> {
    const epoch = Math.max(this.#epoch, ...(await this.cluster.standings()).map((standing) => standing?.epoch ?? 0))
    this.seen.failovers += epoch - this.#epoch
    this.#epoch = epoch
  }

  #draw(): Strike {
    return this.#strikes[this.#random.below(this.#strikes.length)]!
  }

  #trace(line: string): void {
    this.#options.trace?.(line)
  }

  // ── what became of it ────────────────────────────────────────────────────

  async #examine(recorder: Recorder): Promise<void> {
    const { cluster, seen } = this
    await cluster.whenWell()
    const { keys } = recorder
    const leader = await cluster.leader()
    await recorder.stopListening(await readAll(leader, keys))
    const held = await readAll(leader, keys)
    for (const problem of recorder.problems(held)) seen.problems.push(problem)
    await cluster.whenWell()
    for (const broker of cluster.brokers)
      for (const key of await this.#keysThatDiffer(broker, leader, keys))
        seen.problems.push(`${key}: ${broker.name} holds something else than ${leader.name}`)
    await this.#countEpochs()
    const connection = new Connection(leader.host, leader.port)
    // What is left behind where that fails does no harm.
    await connection.ask([['UNLINK', ...keys]], READ_MS_MAX).catch(() => {})
    connection.end()
  }
}

/** Reads what keys hold at one moment. */
async function readAll({ host, port }: Member, keys: readonly string[]): Promise<Map<string, Reply>> {
  const connection = new Connection(host, port)
  try {
    const replies = await connection.ask([['MULTI'], ...keys.map(requestFor), ['EXEC']], READ_MS_MAX)
    const values = replies.at(-1)
    if (!Array.isArray(values)) throw new Error(`keys cannot be read: ${values}`)
    return new Map(keys.map((key, i) => [key, values[i] as Reply]))
  } finally {
    connection.end()
  }
}
