// The figures that INFO keeps between two calls: figures of the system, and rates.
//
// Clients send INFO on every connect, so it must cost only microseconds. The system, and the
// buffers of every client, are read at most ten times a second. Rates are computed from one INFO to
// the next.

import { totalmem } from 'node:os'
import type { ChannelFigures } from '../../channels/log/channel-totals.ts'
import type { ReplicasView } from '../../engine/effects/replication.ts'
import type { SavingStatus } from '../../engine/effects/saving.ts'
import { performance } from '../../util/time/real-time.ts'
import type { Engine } from '../call.ts'
import { type KeySizes, KeySizesCounter } from './key-sizes.ts'
import { type MemoryFigures, memoryFigures } from './memory-figures.ts'

/** The time for which figures of the system are used again. */
const SYSTEM_FIGURES_MS = 100

export class InfoFigures {
  readonly engine: Engine
  readonly totalMemory = totalmem()
  residentBytes = 0
  memory: MemoryFigures
  cpu: NodeJS.CpuUsage = { system: 0, user: 0 }
  inputBufferBytesMax = 0
  outputBufferBytesMax = 0
  commandsPerSecond = 0
  inputPerSecond = 0
  outputPerSecond = 0
  turnsPerSecond = 0
  /**
   * The duration of recent turns of the loop, and of all turns since the counters were reset, in
   * microseconds.
   */
  turnMicroseconds = 0
  loopMicroseconds = 0
  /** The sizes of keys, as they were counted last. */
  keySizes: KeySizes = []
  readonly keySizesCounter: KeySizesCounter
  /** The messages that channels keep, and how many subscribers are behind. */
  channels: ChannelFigures = { channels: 0, messages: 0, bytes: 0, subscribers: 0 }
  readersBehind = 0
  sharedNames = 0
  #systemAskedMs = Number.NEGATIVE_INFINITY
  #sampledMs: number
  #sampledCommands = 0
  #sampledInput = 0
  #sampledOutput = 0
  #sampledTurns = 0
  #sampledLoopUs = 0
  /**
   * How long the loop had been busy when the counters were set back, and how often they have been.
   */
  #loopUsBefore = 0
  #resetsSeen = -1

  constructor(engine: Engine) {
    this.engine = engine
    this.keySizesCounter = new KeySizesCounter(engine)
    this.#sampledMs = engine.environment.clock.monotonic()
    this.memory = memoryFigures(engine, 0)
  }

  /** Counts the messages that channels keep, or uses the last count if there are many channels. */
  askChannels(): void {
    const channels = this.engine.parts.channels
    this.channels = channels.totals.figures
    this.readersBehind = channels.readersBehind
    this.sharedNames = channels.subscriptions.sharedNames
  }

  get saving(): SavingStatus {
    return this.engine.parts.saving?.status ?? NOTHING_SAVED
  }

  get replication(): ReplicasView {
    return this.engine.parts.replication.replicas
  }

  /** CONFIG RESETSTAT has reset the counters, so rates begin again. */
  reset(): void {
    this.#sampledCommands = 0
    this.#sampledInput = 0
    this.#sampledOutput = 0
  }

  /** Reads the figures of the system and the clients, unless they were read just now. */
  askSystem(): void {
    const now = this.engine.environment.clock.monotonic()
    if (now - this.#systemAskedMs < SYSTEM_FIGURES_MS) return
    this.#systemAskedMs = now
    // The whole of memoryUsage() walks V8's heap spaces; this reads one file.
    this.residentBytes = process.memoryUsage.rss()
    this.cpu = process.cpuUsage()
    this.inputBufferBytesMax = 0
    this.outputBufferBytesMax = 0
    for (const {
      outputBytes,
      requests: { parser },
    } of this.engine.clients.connected.values()) {
      this.inputBufferBytesMax = Math.max(this.inputBufferBytesMax, parser.reservedBytes)
      this.outputBufferBytesMax = Math.max(this.outputBufferBytesMax, outputBytes)
    }
  }

  /** Counts where the memory is. */
  askMemory(): void {
    this.memory = memoryFigures(this.engine, this.residentBytes)
  }

  /** Computes rates since the last call, if enough time has passed for a meaningful rate. */
  sample(): void {
    const { stats } = this.engine.figures
    const now = this.engine.environment.clock.monotonic()
    const seconds = (now - this.#sampledMs) / 1000
    // This covers the whole process, including a program that embeds the engine.
    const loopUs = Math.round(performance.eventLoopUtilization().active * 1000)
    if (this.#resetsSeen !== stats.resets) {
      this.#resetsSeen = stats.resets
      if (stats.resets > 0) this.#loopUsBefore = loopUs
    }
    this.loopMicroseconds = loopUs - this.#loopUsBefore
    if (seconds * 1000 < SYSTEM_FIGURES_MS) return
    this.commandsPerSecond = Math.round(Math.max(0, stats.commandsProcessed - this.#sampledCommands) / seconds)
    this.inputPerSecond = Math.max(0, stats.inputBytes - this.#sampledInput) / 1024 / seconds
    this.outputPerSecond = Math.max(0, stats.outputBytes - this.#sampledOutput) / 1024 / seconds
    const turns = Math.max(0, stats.turns - this.#sampledTurns)
    this.turnsPerSecond = Math.round(turns / seconds)
    this.turnMicroseconds = turns === 0 ? 0 : Math.round((loopUs - this.#sampledLoopUs) / turns)
    this.#sampledTurns = stats.turns
    this.#sampledLoopUs = loopUs
    this.#sampledMs = now
    this.#sampledCommands = stats.commandsProcessed
    this.#sampledInput = stats.inputBytes
    this.#sampledOutput = stats.outputBytes
  }
}

/** The figures of a server that does not save. */
const NOTHING_SAVED: SavingStatus = {
  saveInProgress: false,
  currentSaveSeconds: -1,
  lastSaveSeconds: -1,
  lastSaveOk: true,
  saves: 0,
  keysProcessed: 0,
  keysTotal: 0,
  longestSliceMs: 0,
  rewriteInProgress: false,
  rewriteScheduled: false,
  currentRewriteSeconds: -1,
  lastRewriteSeconds: -1,
  lastRewriteOk: true,
  rewrites: 0,
  rewriteFailuresInARow: 0,
  rewriteBaseBytes: 0,
  keysLoaded: 0,
  keysExpiredAtLoad: 0,
}
