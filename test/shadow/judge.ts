// The judge: one history for a server of ours and for the oracle, and a comparison after everything that may happen to a server.
//
// A cycle goes through all kinds of events in a random order. Before each of them commands are sent, beside strings
// that are removed in bulk, so that memory has gaps; after it, every reply has been compared, and every value is.

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../src/util/numbers/random.ts'
import { Comparison, Difference, type Subject, UNITS, UNITS_BRIEF } from './comparison.ts'
import { judgeEmbedded } from './embedded.ts'
import type { Link } from './link.ts'
import { ModelOracle, type Oracle, RedisOracle } from './oracle.ts'
import { OurServer } from './our-server.ts'
import { judgeSlots } from './slots.ts'
import { Traffic } from './traffic.ts'

const DATABASES = [0, 1, 2]
const PREFIXES = ['a', 'b', 'c']
/** Gaps of less than 8 MiB are not closed. */
const FILLER_BYTES = 20 * 1024 * 1024
const BRIEF_FILLER_BYTES = 14 * 1024 * 1024

export interface JudgeOptions {
  /** For how long; the cycle that is under way then is not finished, but the first one always is. */
  readonly seconds: number
  readonly seed: number
  readonly oracle: 'redis-server' | 'model'
  /** Whether our server runs from its source, with housekeeping that never rests. */
  readonly restless?: boolean
  /** Less of everything between events: for a test that has some seconds for all of them. */
  readonly brief?: boolean
  /** Hears what is done. */
  say?(line: string): void
}

export interface Verdict {
  /** What differs; undefined when nothing does. */
  readonly difference: string | undefined
  readonly oracle: string
  /** How often each kind of event has happened. */
  readonly kinds: ReadonlyMap<string, number>
  readonly commands: number
  /** Values that were compared. */
  readonly values: number
}

/** Every kind of event that a whole cycle reaches. */
export const KINDS = [
  'silence', 'SIGTERM', 'kill -9', 'DEBUG RELOAD', 'BGREWRITEAOF', 'BGSAVE', 'failover', 'slots', 'checkpoint', 'rollback', 'branch',
] as const // biome-ignore format: a list

/** Judges until the time is up or a difference is found. */
export async function judge(options: JudgeOptions): Promise<Verdict> {
  const oracle = options.oracle === 'model' ? new ModelOracle() : await RedisOracle.start()
  const judging = new Judging(options, oracle)
  try {
    await judging.run()
    return judging.verdict(undefined)
  } catch (error) {
    if (error instanceof Difference) return judging.verdict(error.message)
    // A server that ends, or a reply that is none, is a difference, too.
    return judging.verdict(`${error instanceof Error ? error.stack : error}\n${judging.output}`)
  } finally {
    await judging.stop()
    await oracle.stop()
  }
}

class Judging implements Subject {
  readonly #options: JudgeOptions
  readonly #oracle: Oracle
  readonly #random: Random
  readonly #kinds = new Map<string, number>()
  readonly #comparison: Comparison
  #server: OurServer
  #others: Comparison[] = []
  #doing = 'the start'

  constructor(options: JudgeOptions, oracle: Oracle) {
    this.#options = options
    this.#oracle = oracle
    this.#random = new Random(options.seed)
    const { only } = oracle
    const traffic = new Traffic(options.seed, { prefixes: PREFIXES, databases: DATABASES, ...(only && { only }) })
    const scope = { databases: DATABASES, lanes: PREFIXES.length, units: this.#units }
    this.#comparison = new Comparison(this, oracle, traffic, scope)
    this.#server = this.#newServer(['--appendonly', 'yes'])
  }

  link(lane: number): Promise<Link> {
    return this.#server.link(lane)
  }

  async readers(): Promise<Link[]> {
    return [await this.#server.link(0)]
  }

  /** What the server printed last. */
  get output(): string {
    return this.#server.output
  }

  async run(): Promise<void> {
    const deadlineMs = performance.now() + this.#options.seconds * 1000
    await this.#server.start()
    for (let cycle = 0; cycle === 0 || performance.now() < deadlineMs; cycle++) {
      if (cycle > 0) await this.#sweep()
      const events = this.#shuffled(EVENTS)
      for (const [name, event] of events) {
        if (cycle > 0 && performance.now() >= deadlineMs) return
        this.#doing = `${name}, cycle ${cycle}`
        const startedMs = performance.now()
        await event(this)
        this.#options.say?.(`${this.#doing}: ${Math.round(performance.now() - startedMs)} ms`)
      }
    }
  }

  verdict(text: string | undefined): Verdict {
    const all = [this.#comparison, ...this.#others]
    const { seed, restless } = this.#options
    const again = `npm run shadow -- --seconds ${this.#options.seconds} --seed ${seed}${restless === true ? ' --restless' : ''}`
    return {
      difference: text && `seed ${seed}, ${this.#doing}, beside ${this.#oracle.name}\n${text}\nagain: ${again}`,
      oracle: this.#oracle.name,
      kinds: this.#kinds,
      commands: all.reduce((sum, { commands }) => sum + commands, 0),
      values: all.reduce((sum, { values }) => sum + values, 0),
    }
  }

  async stop(): Promise<void> {
    await this.#server.remove()
  }

  // ── events ────────────────────────────────────────────────────────────────

  /** Housekeeping has time for all that it likes to do. */
  async silence(): Promise<void> {
    await this.#write(8, this.#options.brief === true ? BRIEF_FILLER_BYTES : FILLER_BYTES)
    await this.#rest()
    await this.#comparison.expectNoBrief()
    this.#reached('silence')
    const facts = await this.#comparison.check('after a silence')
    await this.#comparison.transfer(facts, (bound) => this.#random.below(bound))
  }

  async restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#write(4)
    await this.#server.end(signal)
    await this.#server.start()
    this.#reached(signal === 'SIGTERM' ? 'SIGTERM' : 'kill -9')
    this.#comparison.encodings = false
    await this.#comparison.check('after a restart')
  }

  async reload(): Promise<void> {
    await this.#write(4)
    await this.#server.ask('DEBUG', 'RELOAD')
    await this.#oracle.reload()
    this.#reached('DEBUG RELOAD')
    this.#comparison.encodings = false
    await this.#comparison.check('after DEBUG RELOAD')
  }

  /** The file is rewritten while commands come, and then read. */
  async rewrite(): Promise<void> {
    await this.#write(4, this.#fillerBytes)
    await this.#begin('BGREWRITEAOF')
    await this.#write(4, this.#fillerBytes / 2)
    await this.#idle('aof_rewrite_in_progress')
    this.#reached('BGREWRITEAOF')
    await this.#comparison.check('after BGREWRITEAOF')
    await this.#server.end('SIGKILL')
    await this.#server.start()
    this.#comparison.encodings = false
    await this.#comparison.check('after a start from the rewritten file')
  }

  /** A snapshot is of the moment when it began, whatever comes meanwhile. */
  async save(): Promise<void> {
    await this.#write(4, this.#fillerBytes)
    await this.#comparison.check('before BGSAVE')
    const { encodings } = this.#comparison
    // A server that loads a snapshot chooses encodings anew, and how streams are divided.
    this.#comparison.encodings = false
    const before = await this.#comparison.check('before BGSAVE')
    this.#comparison.encodings = encodings
    await this.#begin('BGSAVE', JUDGED_SNAPSHOT)
    await this.#write(4, this.#fillerBytes / 2)
    await this.#idle('rdb_bgsave_in_progress')
    this.#reached('BGSAVE')
    await this.#comparison.check('after BGSAVE')
    const copy = this.#newServer(['--appendonly', 'no'])
    try {
      copyFileSync(join(this.#server.directory, JUDGED_SNAPSHOT), join(copy.directory, 'dump.rdb'))
      await copy.start()
      const readers = [await copy.link(0)]
      this.#comparison.encodings = false
      await this.#comparison.expectSame('in the snapshot', await this.#comparison.facts(readers), before, readers)
      this.#comparison.encodings = encodings
    } finally {
      await copy.remove()
    }
  }

  /** A replica follows while commands come, and leads from then on. */
  async failover(): Promise<void> {
    await this.#write(2, this.#fillerBytes)
    const [old, replica] = [this.#server, this.#newServer(['--appendonly', 'yes'])]
    try {
      await replica.start()
      await replica.ask('REPLICAOF', '127.0.0.1', old.port)
      await this.#write(4, this.#fillerBytes / 2)
      await until(async () => (await replica.figure('master_link_status')) === 'up', 'the replica has a link')
      await until(
        async () => (await replica.figure('master_repl_offset')) === (await old.figure('master_repl_offset')),
        'the replica has all',
      )
      this.#comparison.encodings = false
      await this.#rest()
      const theirs = await this.#comparison.check('before a failover')
      const readers = [await replica.link(0)]
      await this.#comparison.expectSame('at the replica', await this.#comparison.facts(readers), theirs, readers)
      if (this.#random.below(2) === 0) {
        await old.ask('FAILOVER', 'TO', '127.0.0.1', replica.port)
        await until(async () => (await replica.figure('role')) === 'master', 'the replica leads')
      } else {
        await old.end('SIGKILL')
        await replica.ask('REPLICAOF', 'NO', 'ONE')
      }
    } catch (error) {
      await replica.remove()
      throw error
    }
    this.#server = replica
    await old.remove()
    this.#reached('failover')
    await this.#write(2)
    await this.#comparison.check('after a failover')
  }

  async slots(): Promise<void> {
    const seed = this.#random.uint32()
    const restless = this.#options.restless === true ? seed : undefined
    const moves = this.#options.brief === true ? 2 : 4
    this.#others.push(
      await judgeSlots({
        seed,
        oracle: this.#oracle,
        restless,
        moves,
        fillerBytes: this.#fillerBytes / 2,
        units: this.#units,
      }),
    )
    await this.#oracle.drop(SLOTS_DATABASE)
    this.#reached('slots')
  }

  async embedded(): Promise<void> {
    const brief = this.#options.brief === true
    const options = {
      seed: this.#random.uint32(),
      silenceMs: this.#silenceMs,
      fillerBytes: brief ? BRIEF_FILLER_BYTES : FILLER_BYTES,
      batches: brief ? 2 : 6,
      units: this.#units,
      reached: (kind: string): void => this.#reached(kind),
    }
    this.#others.push(...(await judgeEmbedded(options)))
  }

  /** Between cycles: everything goes, databases are swapped, or nothing is done. */
  async #sweep(): Promise<void> {
    switch (this.#random.below(3)) {
      case 0:
        await this.#server.ask('FLUSHALL')
        await this.#oracle.flush()
        this.#comparison.forget()
        this.#comparison.note('FLUSHALL')
        return
      case 1:
        await this.#server.ask('SWAPDB', '0', '1')
        await this.#oracle.swap(0, 1)
        this.#comparison.note('SWAPDB 0 1')
        return
      default:
    }
  }

  // ── what events need ──────────────────────────────────────────────────────

  #newServer(options: readonly string[]): OurServer {
    return new OurServer(options, this.#options.restless === true ? this.#random.uint32() : undefined)
  }

  #reached(kind: string): void {
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1)
    this.#comparison.note(kind)
  }

  /** Sends commands; the gaps are in any database, mostly in the first. */
  async #write(batches: number, fillerBytes = 0): Promise<void> {
    const database = DATABASES[this.#random.below(4)] ?? 0
    await this.#comparison.write(this.#options.brief === true ? batches / 2 : batches, fillerBytes, database)
  }

  /** Strings that come and go where they are not the point of it. */
  get #fillerBytes(): number {
    return this.#options.brief === true ? 0 : FILLER_BYTES
  }

  get #units(): number {
    return this.#options.brief === true ? UNITS_BRIEF : UNITS
  }

  get #silenceMs(): number {
    return this.#options.brief === true ? BRIEF_SILENCE_MS : SILENCE_MS
  }

  async #rest(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#silenceMs))
  }

  /** Asks for it until it begins: the file may be rewritten of itself just now, and one of the two waits for the other. */
  /** Begins work in the background. A snapshot gets a name that no other snapshot of the server gets. */
  async #begin(command: string, snapshot = SNAPSHOT): Promise<void> {
    for (const other of BACKGROUND) await this.#idle(other)
    const reply = await this.#server.beginAs(command, snapshot, SNAPSHOT)
    if (!reply.startsWith('Background') || /scheduled/.test(reply)) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      await this.#begin(command, snapshot)
    }
  }

  async #idle(figure: string): Promise<void> {
    await until(async () => (await this.#server.figure(figure)) === '0', `the end of ${figure}`)
  }

  /** A silence first, while values are encoded alike on both sides; then the others in any order. */
  #shuffled<T>([first, ...rest]: readonly T[]): T[] {
    for (let i = rest.length - 1; i > 0; i--) {
      const j = this.#random.below(i + 1)
      ;[rest[i], rest[j]] = [rest[j]!, rest[i]!]
    }
    return [first!, ...rest]
  }
}

/** The file of snapshots that the server makes by itself. */
const SNAPSHOT = 'dump.rdb'
/** The file of the snapshot that is compared: a restless server saves by itself, at later moments. */
const JUDGED_SNAPSHOT = 'judged.rdb'
const SILENCE_MS = 2500
/** Keys that expire live no longer than 300 ms. */
const BRIEF_SILENCE_MS = 600
/** What INFO says of work in the background. */
const BACKGROUND = ['aof_rewrite_in_progress', 'aof_rewrite_scheduled', 'rdb_bgsave_in_progress']
const SLOTS_DATABASE = 15
const WAIT_MS_MAX = 60_000

const EVENTS: readonly (readonly [string, (judging: Judging) => Promise<void>])[] = [
  ['a silence', (judging) => judging.silence()],
  ['a stop', (judging) => judging.restart('SIGTERM')],
  ['a kill', (judging) => judging.restart('SIGKILL')],
  ['a reload', (judging) => judging.reload()],
  ['a rewrite', (judging) => judging.rewrite()],
  ['a snapshot', (judging) => judging.save()],
  ['a failover', (judging) => judging.failover()],
  ['slots that move', (judging) => judging.slots()],
  ['an embedded broker', (judging) => judging.embedded()],
]

async function until(check: () => Promise<boolean>, what: string): Promise<void> {
  const startedMs = performance.now()
  while (!(await check())) {
    if (performance.now() - startedMs > WAIT_MS_MAX) throw new Error(`${what}: that did not come about`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
