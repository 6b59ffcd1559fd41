// Power cuts: the engine in this process on a disk in memory (volatile-disk.ts).
//
// In a life the engine loads what the last one left, the trial compares that with what was
// acknowledged, and clients go on writing. At some turn of the loop the power fails, possibly in
// the middle of a write, a sync, a recovery or a start. Time is simulated, so a life has seconds.

import { Config, type ConfigSettings } from '../../config/config.ts'
import type { Client } from '../../engine/clients/client.ts'
import type { Transport } from '../../engine/clients/transport.ts'
import type { Engine } from '../../engine/engine.ts'
import { ReplyValueReader, type ReplyValueReceiver } from '../../protocol/reply-value.ts'
import { encodeRequest } from '../../protocol/request-writer.ts'
import { EngineOnDisk } from '../../server/boot/engine-on-disk.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { textOf } from '../../util/bytes/text.ts'
import { Random } from '../../util/numbers/random.ts'
import { HashKey } from '../../util/tables/keyed-hash.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import { dateNow, setImmediate } from '../../util/time/real-time.ts'
import { VolatileDisk } from './volatile-disk.ts'
import { createProducers, type Finding, KEPT, type Policy, type Producer, runOperator, runReader } from './workload.ts'
import { ask, type WorkloadClient } from './workload-client.ts'
import type { Reply } from './write-methods.ts'

/**
 * Steps of a life; each is a turn of the loop and up to this many milliseconds of simulated time.
 */
const STEPS_MAX = 600
const STEP_MS_MAX = 20
/** The longest time between two snapshots or rewrites, in simulated time. */
const SAVE_PAUSE_MS_MAX = 2000
/** Producers for each way and policy. */
const COPIES = 2
/** The share of lives in which the disk sometimes fails. */
const FAILING_LIVES = 0.25
const FAILURE_CHANCE = 0.01

/** A clock that is advanced by hand. */
class SteppedClock implements Clock {
  #nowMs = dateNow()
  #timers: { dueMs: number; run: () => void }[] = []

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  advance(ms: number): void {
    this.#nowMs += ms
    const due = this.#timers.filter(({ dueMs }) => dueMs <= this.#nowMs)
    this.#timers = this.#timers.filter(({ dueMs }) => dueMs > this.#nowMs)
    for (const { run } of due) run()
  }

  /** Drops all timers: the machine is off. */
  forget(): void {
    this.#timers = []
  }
}

/** A client inside the process. Requests leave with `pump`, not from within a reply. */
class EngineClient implements WorkloadClient, Transport, ReplyValueReceiver<string> {
  readonly kind = 'in-process'
  readonly address = 'prove'
  readonly localAddress = 'prove'
  readonly descriptor = -1
  readonly backlogBytes = 0
  readonly #engine: Engine
  readonly #client: Client
  readonly #reader = new ReplyValueReader<string>(textOf, this)
  #outbox: Buffer[] = []
  #waiting: ((reply: Reply) => void)[] = []
  pushed: WorkloadClient['pushed'] = undefined

  constructor(engine: Engine) {
    this.#engine = engine
    this.#client = engine.connect(this)
  }

  send(words: readonly string[], answered: (reply: Reply) => void): void {
    this.#waiting.push(answered)
    this.tell(words)
  }

  tell(words: readonly string[]): void {
    this.#outbox.push(encodeRequest(words))
  }

  pump(): void {
    if (this.#outbox.length === 0) return
    const bytes = Buffer.concat(this.#outbox)
    this.#outbox = []
    this.#engine.receive(this.#client, new Source(bytes), 0, bytes.length)
  }

  write(bytes: Buffer): boolean {
    this.#reader.feed(Buffer.from(bytes))
    return true
  }

  reply(value: Reply): void {
    this.#waiting.shift()?.(value)
  }

  push(parts: Reply[]): void {
    this.pushed?.(parts)
  }

  close(): void {}
}

export class PowerTrial {
  lives = 0
  readonly #random: Random
  readonly #saves: boolean
  #disk: VolatileDisk
  readonly #clock = new SteppedClock()
  #producers: Producer[] = []
  #cutMs = 0

  /**
   * Without `saves` there are no snapshots and rewrites, whose own syncs save much that would
   * otherwise be lost.
   */
  constructor(seed?: number, saves = true) {
    this.#saves = saves
    this.#random = new Random(seed)
    this.#disk = new VolatileDisk(this.#random)
  }

  /**
   * Lives once with these settings, and returns what was left of the life before. The commands in
   * `harm` are sent before the data is examined: they simulate a server that has done this damage
   * by itself.
   */
  async live(
    settings: ConfigSettings,
    policies: readonly Policy[],
    harm: readonly (readonly string[])[] = [],
  ): Promise<Finding[]> {
    const disk = this.#disk
    const random = this.#random
    const config = new Config({ dir: '/data', appendonly: 'yes', save: '', channel: KEPT, ...settings })
    const hashKey = new HashKey(random.uint32(), random.uint32())
    const onDisk = new EngineOnDisk(
      {
        config,
        clock: this.#clock,
        random: new Random(random.uint32()),
        hashKey,
        // Syncs run on this thread in some lives, in the background in others.
        ownsLoop: random.below(2) === 0,
      },
      disk,
    )
    const { engine } = onDisk
    // Sometimes power fails again during the start.
    if (this.lives > 0 && random.below(10) === 0) {
      const opening = onDisk.open().catch(() => undefined)
      await this.#turns(random.below(12))
      this.#disk = disk.cutPower()
      engine.stop()
      await Promise.race([opening, this.#turns(2)])
      return this.live(settings, policies, harm)
    }
    await onDisk.open()
    const ports: EngineClient[] = []
    const connect = (): EngineClient => {
      const port = new EngineClient(engine)
      ports.push(port)
      return port
    }
    const admin = connect()
    const death = { kind: 'power cut' as const, atMs: this.#cutMs, diskFailed: disk.failed }
    disk.failed = false
    const findings = await this.#while(ports, async () => {
      for (const words of harm) await ask(admin, words)
      return Promise.all(this.#producers.map((producer) => producer.examine(admin, connect, death)))
    })
    this.lives++
    this.#producers = await this.#while(ports, async () => {
      await new Promise((resolve) => admin.send(['FLUSHALL'], resolve))
      return createProducers(admin, policies, this.lives, COPIES)
    })
    for (const producer of this.#producers) producer.run(connect(), () => this.#clock.now())
    runReader(connect(), this.#producers)
    if (this.#saves) runOperator(connect(), (then) => this.#clock.after(random.below(SAVE_PAUSE_MS_MAX), then))
    if (random.below(100) < FAILING_LIVES * 100) disk.failureChance = FAILURE_CHANCE
    for (let steps = random.below(STEPS_MAX) + 1; steps > 0; steps--) await this.#step(ports)
    this.#cutMs = this.#clock.now()
    const { failed } = disk
    this.#disk = disk.cutPower()
    this.#disk.failed = failed
    this.#clock.forget()
    engine.stop()
    return findings
  }

  /** Steps until the work is done. */
  async #while<T>(ports: readonly EngineClient[], work: () => Promise<T>): Promise<T> {
    let done = false
    const result = work().finally(() => {
      done = true
    })
    while (!done) await this.#step(ports)
    return result
  }

  async #step(ports: readonly EngineClient[]): Promise<void> {
    for (const port of ports) if (this.#random.below(3) > 0) port.pump()
    this.#clock.advance(this.#random.below(STEP_MS_MAX + 1))
    await this.#turns(1)
  }

  async #turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
  }
}
