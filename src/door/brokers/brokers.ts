// All brokers that this one knows, for the page that shows them side by side.
//
// Brokers of a cluster report over the messages beside their log: each ten seconds, and each second
// while a viewer looks at any of them. That broker asks for it by a text, `look`. So no broker opens
// a connection to an address that another one tells. Brokers that `console-brokers` names are asked
// over HTTP, while a viewer looks.
//
//   viewer ─▶ list ─▶ watched for 5 s ─▶ `look` ─▶ reports each second of all who heard it, for 10 s
//                                     ─▶ GET …/v1/brokers/self of those that the setting names

import type { Engine } from '../../commands/call.ts'
import type { Broadcast } from '../../engine/cluster-view/broadcast.ts'
import type { Figures } from '../../monitoring/monitor.ts'
import type { Timer } from '../../util/time/clock.ts'
import { type BrokerReport, readReport, reportOf } from './broker-report.ts'
import { KnownBroker } from './known-broker.ts'
import { type NamedAddress, NamedBroker, namedAddress } from './named-broker.ts'

const STEP_MS = 1000
/** A viewer asks each second or two; later it has gone. */
const WATCHED_MS = 5000
/** For so long after the last `look` of another broker a report is sent each second. */
const LOOKED_AT_MS = 10_000
/** In steps: how often `look` is sent, named brokers are asked, and reports are sent unasked. */
const LOOK_STEPS = 3
const ASK_STEPS = 2
const REPORT_STEPS = 10
/** A broker that is silent for longer is taken for one that is not reached. */
const SILENCE_MS = 3500
/** The same while no viewer has looked for that long. */
const UNWATCHED_SILENCE_MS = 25_000
/** A broker that is silent for so long is forgotten. */
const KEPT_MS = 3_600_000
/** With its points a known broker takes some 30 kB. */
const HEARD_MAX = 64
const NAMED_MAX = 32
const TEXT_BYTES_MAX = 64 * 1024
const LOOK = '{"look":1}'

const IDLE = { sample: () => {}, alerts: () => {} }

export class Brokers {
  readonly #engine: Engine
  readonly #figures: () => Figures
  /** Address → a broker that was heard, the one heard last at the end. */
  readonly #heard = new Map<string, KnownBroker>()
  /** This broker, as the others hear it. */
  readonly #own: KnownBroker
  /** Word of `console-brokers` → the broker that it names. */
  readonly #named = new Map<string, NamedBroker>()
  #broadcast: Broadcast | undefined = undefined
  #timer: Timer | undefined = undefined
  #steps = 0
  /** By the clock of work. */
  #watchedUntilMs = 0
  #watchedSinceMs = 0
  #lookedAtUntilMs = 0
  /** Ends counting jobs each second; undefined = no viewer needs that. */
  #unwatch: (() => void) | undefined = undefined

  constructor(engine: Engine, figures: () => Figures) {
    this.#engine = engine
    this.#figures = figures
    this.#own = new KnownBroker(engine.environment.workClock)
    this.#wait()
  }

  /** The report of this broker. */
  get report(): BrokerReport {
    return reportOf(this.#engine, this.#figures())
  }

  /** This broker, as the others hear it. */
  get own(): KnownBroker {
    return this.#own
  }

  /** The brokers that were heard, by their addresses. */
  get heard(): ReadonlyMap<string, KnownBroker> {
    return this.#heard
  }

  /** The brokers that the setting names. */
  get named(): readonly NamedBroker[] {
    return [...this.#named.values()]
  }

  /** A viewer looks: the others are asked for figures of now. */
  look(): void {
    const nowMs = this.#nowMs
    const isNew = !this.#isWatched
    if (isNew) this.#watchedSinceMs = nowMs
    this.#watchedUntilMs = nowMs + WATCHED_MS
    this.#followNames()
    if (isNew) this.#ask()
  }

  /** Another broker looks over HTTP: jobs are counted each second. */
  lookedAt(): void {
    this.#lookedAtUntilMs = this.#nowMs + LOOKED_AT_MS
  }

  /** Tells whether a broker of the cluster is reached. */
  isReached(known: KnownBroker): boolean {
    return known.silentMs <= this.#silenceMs
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#unwatch?.()
    this.#unwatch = undefined
    // A broker that ends in order is not missed by the others.
    if (this.#broadcast !== undefined) this.#send(JSON.stringify({ leaves: this.#broadcast.address }))
    this.#broadcast?.heard.remove(this.#hear)
    for (const broker of this.#named.values()) broker.close()
    this.#named.clear()
  }

  get #nowMs(): number {
    return this.#engine.environment.workClock.monotonic()
  }

  get #isWatched(): boolean {
    return this.#nowMs < this.#watchedUntilMs
  }

  get #silenceMs(): number {
    const isAsked = this.#isWatched && this.#nowMs - this.#watchedSinceMs >= SILENCE_MS
    return isAsked ? SILENCE_MS : UNWATCHED_SILENCE_MS
  }

  #wait(): void {
    this.#timer = this.#engine.environment.workClock.after(STEP_MS, () => {
      this.#step()
      this.#wait()
    })
  }

  #step(): void {
    const steps = this.#steps++
    const isLookedAt = this.#nowMs < this.#lookedAtUntilMs
    this.#followBroadcast()
    this.#count(this.#isWatched || isLookedAt)
    if (this.#isWatched) {
      if (steps % LOOK_STEPS === 0) this.#send(LOOK)
      if (steps % ASK_STEPS === 0) for (const broker of this.#named.values()) broker.ask()
    }
    if (isLookedAt || steps % REPORT_STEPS === 0) this.#sendReport()
    if (steps % REPORT_STEPS === 0) this.#forget()
  }

  #ask(): void {
    this.#followBroadcast()
    this.#count(true)
    this.#send(LOOK)
    for (const broker of this.#named.values()) broker.ask()
  }

  /** Counts jobs each second, or does not. */
  #count(isWanted: boolean): void {
    if (isWanted) this.#unwatch ??= this.#figures().watch(IDLE)
    else {
      this.#unwatch?.()
      this.#unwatch = undefined
    }
  }

  // ── the cluster ──────────────────────────────────────────────────────────

  /** The door is open before this broker takes part in its log. */
  #followBroadcast(): void {
    const { broadcast } = this.#engine.parts
    if (broadcast === this.#broadcast) return
    this.#broadcast?.heard.remove(this.#hear)
    this.#broadcast = broadcast
    broadcast?.heard.add(this.#hear)
    this.#sendReport()
  }

  #sendReport(): void {
    if (this.#broadcast !== undefined) this.#send(JSON.stringify(this.report))
  }

  #send(text: string): void {
    this.#broadcast?.send(Buffer.from(text, 'utf8'))
  }

  readonly #hear = (text: Uint8Array): void => {
    if (text.length > TEXT_BYTES_MAX) return
    const value = parsed(text)
    if (value === undefined) return
    if ('leaves' in value) {
      if (typeof value.leaves === 'string') this.#heard.delete(value.leaves)
      return
    }
    if ('look' in value) {
      const isNew = this.#nowMs >= this.#lookedAtUntilMs
      this.lookedAt()
      if (isNew) this.#sendReport()
      return
    }
    const report = readReport(value)
    const address = report?.address ?? null
    if (report === undefined || address === null) return
    const isOwn = report.id === this.#engine.environment.runId
    const known = isOwn ? this.#own : (this.#heard.get(address) ?? new KnownBroker(this.#engine.environment.workClock))
    known.hear(report, this.#silenceMs)
    if (isOwn) return
    this.#heard.delete(address)
    this.#heard.set(address, known)
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > HEARD_MAX && oldest !== undefined) this.#heard.delete(oldest)
  }

  #forget(): void {
    for (const [address, known] of this.#heard) if (known.silentMs > KEPT_MS) this.#heard.delete(address)
  }

  // ── brokers with names ───────────────────────────────────────────────────

  /** Knows the brokers that the setting names now, and no others. */
  #followNames(): void {
    const words = new Map<string, NamedAddress>()
    for (const word of this.#engine.config.get('console-brokers').split(' ')) {
      const address = namedAddress(word)
      if (address !== undefined && words.size < NAMED_MAX) words.set(word, address)
    }
    for (const [word, broker] of this.#named) {
      if (words.has(word)) continue
      broker.close()
      this.#named.delete(word)
    }
    for (const [word, address] of words)
      if (!this.#named.has(word)) {
        const broker = new NamedBroker(address, this.#engine.environment.workClock)
        this.#named.set(word, broker)
        if (this.#isWatched) broker.ask()
      }
  }
}

function parsed(text: Uint8Array): object | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8'))
    return typeof value === 'object' && value !== null ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
