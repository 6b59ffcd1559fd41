// A cluster under load and faults, in rounds. In a round it gets a few strikes, each when it works
// again. Then everything is checked: what was acknowledged, what was read, and what every broker
// holds.

import { Random } from '../../util/numbers/random.ts'
import { performance, sleep } from '../../util/time/real-time.ts'
import type { Reply } from '../durability/write-methods.ts'
import { anyOf } from './any-of.ts'
import { Cluster, type ClusterOptions } from './cluster.ts'
import { Connection } from './connection.ts'
import { GroupLoad } from './group-load.ts'
import type { RoundHistory } from './history-file.ts'
import type { Load } from './load.ts'
import { Recorder, requestFor } from './recorder.ts'
import { ownerOf, TAGS } from './slot-moves.ts'
import { STRIKES, type Strike } from './strikes.ts'
import type { TrialProcess } from './trial-process.ts'

const CLIENTS = 16
const STRIKES_OF_ROUND = 4
/** The longest time between a recovery and the next strike. */
const CALM_MS_MAX = 600
const POLL_MS = 10
/** A cluster that acknowledges no write for this long after a strike has not recovered. */
const RECOVERY_MS_MAX = 120_000
const READ_MS_MAX = 30_000
/**
 * So often, and so far apart, a broker's keys are held against the leader's before they count as
 * different.
 */
const LOOKS_MAX = 10
const LOOK_MS = 100

/**
 * How fast the clocks of the brokers run, in an order that the seed decides. The rates of two differ
 * by almost as much as is assumed (CLOCK_DRIFT).
 */
const CLOCK_RATES = [0.87, 1.13, 1]

/** The results so far. */
export interface TrialResults {
  rounds: number
  /** How often the leader changed. */
  failovers: number
  /** Power cuts, and the machines that lost power in them. */
  cuts: number
  machinesCut: number
  acknowledged: number
  reads: number
  refused: number
  /** Requests whose reply was lost. */
  unknown: number
  /** By name of the strike: how long no write was acknowledged, each time. */
  readonly pausesMs: Map<string, number[]>
  /** By name of the strike: how many requests to the leader failed, each time. */
  readonly failures: Map<string, number[]>
  /** Violations that were found. */
  readonly problems: string[]
}

export interface TrialOptions extends ClusterOptions {
  readonly seed: number
  /** The strikes to use; default: all that the machine allows. */
  readonly strikes?: readonly Strike[]
  /** The time that named subscribers get in the end of a round; default 20 s. */
  readonly hearingMs?: number
  /** More clients in each round. Default: those of a stream with a group. */
  readonly loads?: (brokers: readonly TrialProcess[], random: Random, prefix: string, isOneSlot: boolean) => Load[]
  /** Called with the records of each round. */
  readonly onHistory?: (round: RoundHistory) => void
  /** Called with a line for each event. */
  readonly trace?: (line: string) => void
}

export class ClusterTrial {
  readonly results: TrialResults = {
    rounds: 0,
    failovers: 0,
    cuts: 0,
    machinesCut: 0,
    acknowledged: 0,
    reads: 0,
    refused: 0,
    unknown: 0,
    pausesMs: new Map(),
    failures: new Map(),
    problems: [],
  }
  readonly cluster: Cluster
  readonly #options: TrialOptions
  /** Of the strikes, and of the clients: a seed decides which strikes come, whatever clients draw. */
  readonly #random: Random
  readonly #clientRandom: Random
  /** Each strike as often as its weight. */
  readonly #strikes: readonly Strike[]
  /** The last known epoch of each shard. */
  readonly #epochs: number[] = []

  private constructor(options: TrialOptions, cluster: Cluster) {
    const { machines, shards } = cluster
    const { files, network } = machines
    this.#options = options
    this.#random = new Random(options.seed)
    this.#clientRandom = new Random(options.seed + 1)
    this.cluster = cluster
    const allowed = (options.strikes ?? STRIKES).filter(
      ({ needs }) =>
        (needs !== 'files' || files !== undefined) &&
        (needs !== 'network' || network !== undefined) &&
        (needs !== 'shards' || shards.length > 1),
    )
    this.#strikes = allowed.flatMap((strike) => new Array<Strike>(strike.weight).fill(strike))
  }

  static async start(options: TrialOptions): Promise<ClusterTrial> {
    const { clockRates = ratesOf(new Random(options.seed)) } = options
    return new ClusterTrial(options, await Cluster.start({ ...options, clockRates }))
  }

  /**
   * Runs a round; no more strikes follow when `isEnough` returns true. Throws when the cluster does
   * not recover.
   */
  async round(isEnough: () => boolean = () => false): Promise<void> {
    const { cluster, results } = this
    const parts = this.#partsOf(`prove:${++results.rounds}:`)
    const recorders = parts.map(({ recorder }) => recorder)
    const loads = parts.flatMap(({ loads }) => loads)
    for (const recorder of recorders) recorder.start(CLIENTS / recorders.length)
    for (const load of loads) load.start()
    try {
      await this.#recovered(recorders)
      for (let i = 0; i < STRIKES_OF_ROUND && (i === 0 || !isEnough()); i++) {
        await sleep(this.#random.below(CALM_MS_MAX))
        await this.#strike(this.#draw(), recorders, loads)
      }
      await cluster.whenWell()
    } finally {
      await Promise.all([...recorders, ...loads].map((one) => one.stop()))
    }
    for (const { totals } of recorders) {
      results.acknowledged += totals.acknowledged
      results.reads += totals.reads
      results.refused += totals.refused
      results.unknown += totals.unknown
    }
    await cluster.whenWell()
    for (const part of parts) await this.#examine(part)
    await this.#countEpochs()
  }

  async end(): Promise<void> {
    await this.cluster.end()
  }

  /** Returns the clients of a round. With several shards the keys of each part are in one slot. */
  #partsOf(prefix: string): Part[] {
    const { brokers, shards } = this.cluster
    const { hearingMs, loads = groupLoads } = this.#options
    const isOneSlot = shards.length > 1
    return (isOneSlot ? TAGS.map((tag) => `${prefix}${tag}:`) : [prefix]).map((own) => ({
      recorder: new Recorder(brokers, this.#clientRandom, own, { hearingMs, isOneSlot }),
      loads: loads(brokers, this.#clientRandom, own, isOneSlot),
      prefix: own,
    }))
  }

  /**
   * Returns the keys that a broker holds otherwise than the leader. It looks more than once: a
   * message that was scheduled may be published meanwhile.
   */
  async #keysThatDiffer(broker: TrialProcess, leader: TrialProcess, keys: readonly string[]): Promise<string[]> {
    let differing: string[] = []
    for (let i = 0; i < LOOKS_MAX; i++) {
      const [own, held] = [await readAll(broker, keys), await readAll(leader, keys)]
      differing = keys.filter((key) => JSON.stringify(own.get(key)) !== JSON.stringify(held.get(key)))
      if (differing.length === 0) break
      await sleep(LOOK_MS)
    }
    return differing
  }

  async #strike(strike: Strike, recorders: readonly Recorder[], loads: readonly Load[]): Promise<void> {
    const { cluster, results } = this
    this.#trace(strike.name)
    const takePauseMs = (): number => Math.max(...recorders.map((recorder) => recorder.takeLongestPauseMs()))
    const takeFailures = (): number => recorders.reduce((sum, recorder) => sum + recorder.takeFailures(), 0)
    cluster.struck = anyOf(cluster.shards, this.#random)
    takePauseMs()
    takeFailures()
    if (strike.isInQuiet === true) await this.#strikeInQuiet(strike, [...recorders, ...loads])
    else await strike.run(cluster, this.#random)
    await this.#recovered(recorders)
    const pauseMs = takePauseMs()
    this.#trace(`  no write was acknowledged for ${pauseMs.toFixed(0)} ms`)
    addTo(results.pausesMs, strike.name, pauseMs)
    addTo(results.failures, strike.name, takeFailures())
    if (strike.cuts !== undefined) {
      results.cuts++
      results.machinesCut += strike.cuts
    }
    await this.#countEpochs()
  }

  /**
   * No client writes before another broker leads, so no write waits for the paused broker when it
   * continues.
   */
  async #strikeInQuiet(strike: Strike, loads: readonly Pick<Load, 'fallQuiet' | 'goOn'>[]): Promise<void> {
    await Promise.all(loads.map((load) => load.fallQuiet()))
    let isOver = false
    const over = strike.run(this.cluster, this.#random).finally(() => {
      isOver = true
    })
    while (!isOver && !(await this.#isLedAnew())) await sleep(POLL_MS)
    for (const load of loads) load.goOn()
    await over
  }

  async #isLedAnew(): Promise<boolean> {
    const { cluster } = this
    const struck = cluster.shards.indexOf(cluster.struck)
    const statuses = (await cluster.statuses())[struck] ?? []
    return statuses.some((status) => status?.leads === true && status.epoch > (this.#epochs[struck] ?? 1))
  }

  /** Waits until each recorder has an acknowledged write after this call. */
  async #recovered(recorders: readonly Recorder[]): Promise<void> {
    const sinceMs = performance.now()
    while (recorders.some(({ lastWriteMs }) => lastWriteMs <= sinceMs)) {
      if (performance.now() > sinceMs + RECOVERY_MS_MAX)
        throw new Error(`no write was acknowledged for ${RECOVERY_MS_MAX / 1000} s\n${this.cluster.lastWords()}`)
      await sleep(POLL_MS)
    }
  }

  async #countEpochs(): Promise<void> {
    for (const [i, statuses] of (await this.cluster.statuses()).entries()) {
      const known = this.#epochs[i] ?? 1
      const epoch = Math.max(known, ...statuses.map((status) => status?.epoch ?? 0))
      this.results.failovers += epoch - known
      this.#epochs[i] = epoch
    }
  }

  #draw(): Strike {
    return anyOf(this.#strikes, this.#random)
  }

  #trace(line: string): void {
    this.#options.trace?.(line)
  }

  // ── checks ────────────────────────────────────────────────────

  async #examine({ loads, prefix, recorder }: Part): Promise<void> {
    const { cluster, results } = this
    const shard = cluster.shards.length === 1 ? cluster.shards[0] : await ownerOf(cluster, prefix)
    if (shard === undefined) throw new Error(`no shard serves ${prefix}`)
    const { keys } = recorder
    const leader = await cluster.leader(shard)
    await recorder.stopListening(await readAll(leader, keys))
    const held = await readAll(leader, keys)
    this.#options.onHistory?.(recorder.history(held))
    for (const problem of recorder.problems(held)) results.problems.push(problem)
    await cluster.whenWell()
    for (const broker of shard.brokers)
      for (const key of await this.#keysThatDiffer(broker, leader, keys))
        results.problems.push(`${key}: ${broker.name} differs from ${leader.name}`)
    for (const load of loads) results.problems.push(...(await load.problems(shard.brokers)))
    const connection = new Connection(leader.host, leader.port)
    // Keys that are left behind after a failure do no harm.
    await connection.ask([['UNLINK', ...keys, ...loads.flatMap((load) => load.keys)]], READ_MS_MAX).catch(() => {})
    connection.end()
  }
}

/** Clients whose keys have one prefix. */
interface Part {
  readonly prefix: string
  readonly recorder: Recorder
  readonly loads: readonly Load[]
}

function ratesOf(random: Random): number[] {
  const first = random.below(CLOCK_RATES.length)
  return [...CLOCK_RATES.slice(first), ...CLOCK_RATES.slice(0, first), ...CLOCK_RATES]
}

function groupLoads(brokers: readonly TrialProcess[], random: Random, prefix: string, isOneSlot: boolean): Load[] {
  return [new GroupLoad(brokers, random, prefix, { isOneSlot })]
}

function addTo(lists: Map<string, number[]>, name: string, item: number): void {
  const list = lists.get(name)
  if (list === undefined) lists.set(name, [item])
  else list.push(item)
}

/** Reads what keys hold at one moment. */
async function readAll({ host, port }: TrialProcess, keys: readonly string[]): Promise<Map<string, Reply>> {
  const connection = new Connection(host, port)
  try {
    // READONLY is for followers in a cluster of several shards, and changes nothing elsewhere.
    const replies = await connection.ask([['READONLY'], ['MULTI'], ...keys.map(requestFor), ['EXEC']], READ_MS_MAX)
    const values = replies.at(-1)
    if (!Array.isArray(values)) throw new Error(`keys cannot be read: ${values}`)
    return new Map(keys.map((key, i) => [key, values[i] as Reply]))
  } finally {
    connection.end()
  }
}
