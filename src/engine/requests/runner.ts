// Runs commands that may run: counts and times them, catches what they throw, and passes on what they changed.
//
// Each call of a command that may take long is timed. Of the others, which take constant time, every sixteenth or so of a
// pipeline is, and stands for those since the last one: reading the clock twice costs as much as a tenth of a GET. A client's
// first command in what was read from it is always timed, and so is every command while `CommandTimes` wants it so.

import type { Arguments } from '../../protocol/arguments.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { Clock } from '../../util/time/clock.ts'
import { CLIENT_NO_TOUCH, type Client } from '../clients/client.ts'
import type { Stats } from '../figures/stats.ts'
import type { Command } from '../spec/command.ts'
import type { Call } from './call.ts'
import { answerFailure } from './command-failure.ts'

/** Commands of constant time between two that are timed, and how far that varies. */
const TIMED_EVERY = 10
const TIMED_SPREAD = 13

export interface RunnerHost {
  readonly environment: {
    readonly workClock: Clock
  }
  readonly figures: {
    readonly stats: Stats
    /** Takes how long a command ran. */
    readonly times: {
      readonly wantsAll: boolean
      note(call: Call, command: Command, args: Arguments, milliseconds: number): void
    }
  }
  readonly data: {
    readonly dataset: { touches: boolean; readonly changesBegun: number }
  }
  readonly effects: {
    /** Takes the effects of what ran. */
    readonly propagation: { readonly endsWithCommand: boolean; settle(call: Call): void; endUnit(): void }
  }
}

export interface RunnerReplies {
  readonly source: Source
  readonly position: number
  markFor(client: Client): void
}

/** A message for a client whose own command is running. */
interface Deferred {
  readonly client: Client
  readonly source: Source
  readonly start: number
  readonly end: number
}

export class Runner {
  /** Told of each command that has run, its call still whole; those that EXEC and scripts run come before EXEC and the script. */
  readonly onRan = new Handlers<[call: Call]>((slot) => {
    this.#ran = slot
  })
  #ran: Handler<[call: Call]> | null = null
  // Looked at for every command: a way less to each.
  readonly #stats: Stats
  readonly #times: RunnerHost['figures']['times']
  readonly #workClock: Clock
  readonly #dataset: RunnerHost['data']['dataset']
  readonly #replies: RunnerReplies
  readonly #propagation: RunnerHost['effects']['propagation']
  #current: Call | undefined = undefined
  /** When the last command that was timed began, by the machine's clock. What runs scripts always is: it may take long. */
  startedMs = 0
  /** How long the last command ran that was timed, in milliseconds. */
  tookMs = 0
  /** When the first command of this turn began that was timed; 0 = none was. The turn's end sets it back. */
  turnBeganMs = 0
  /** Commands that run before the next one is timed. */
  #untimed = 0
  readonly #deferred: Deferred[] = []
  readonly #afterReply: (() => void)[] = []

  constructor(host: RunnerHost, replies: RunnerReplies) {
    this.#stats = host.figures.stats
    this.#times = host.figures.times
    this.#workClock = host.environment.workClock
    this.#dataset = host.data.dataset
    this.#replies = replies
    this.#propagation = host.effects.propagation
  }

  /** The command that is running, the innermost of those that run within one another; undefined between commands. */
  get call(): Call | undefined {
    return this.#current
  }

  /** The client whose command is running; undefined between commands. */
  get client(): Client | undefined {
    return this.#current?.client
  }

  /** Times the next command: it is the first that a client sends. */
  timeNext(): void {
    this.#untimed = 0
  }

  /** Runs the command of a call, and settles what it changed. */
  run(call: Call, command: Command): void {
    const stats = this.#stats
    const { client } = call
    client.lastCommand = command.name
    client.commandsRun++
    stats.commandsProcessed++
    command.calls++
    command.untimed++
    this.#dataset.touches = (client.state & CLIENT_NO_TOUCH) === 0
    const outer = this.#current
    this.#current = call
    const isTurn = this.#untimed === 0
    // Of every command the first call is timed.
    if (isTurn || command.mayTakeLong || command.calls === command.untimed) {
      if (isTurn && !this.#times.wantsAll) this.#untimed = TIMED_EVERY + (stats.commandsProcessed % TIMED_SPREAD)
      const { args } = call
      args.forgetReplaced()
      const before = this.#workClock.monotonic()
      this.startedMs = before
      if (this.turnBeganMs === 0) this.turnBeganMs = before
      this.#runGuarded(call, command)
      const took = this.#workClock.monotonic() - before
      this.tookMs = took
      this.#times.note(call, command, args, took)
    } else {
      this.#untimed--
      this.#runGuarded(call, command)
    }
    if (this.#ran !== null) this.#ran(call)
    if (call.changes !== 0 || call.effects !== undefined) this.#propagation.settle(call)
    if (this.#propagation.endsWithCommand) this.#propagation.endUnit()
    this.#current = outer
  }

  #runGuarded(call: Call, command: Command): void {
    const { changesBegun } = this.#dataset
    const { source, position } = this.#replies
    try {
      command.run!(call)
    } catch (error) {
      answerFailure(call, error, changesBegun, source, position)
    }
  }

  // ── messages for whoever is being served ─────────────────────────────────

  /**
   * Keeps a message for a client until its own running command has replied.
   *
   * A message in the middle of a reply (PUBLISH to oneself within EXEC) would break the protocol.
   */
  defer(client: Client, source: Source, start: number, end: number): void {
    this.#deferred.push({ client, source, start, end })
  }

  /** Has something done when the running command has replied and what was kept until then is delivered. */
  afterReply(run: () => void): void {
    this.#afterReply.push(run)
  }

  get hasDeferred(): boolean {
    return this.#deferred.length !== 0 || this.#afterReply.length !== 0
  }

  /** Delivers what was kept, and does what was to be done then. */
  deliverDeferred(): void {
    this.#deliver()
    if (this.#afterReply.length === 0) return
    for (const run of this.#afterReply) run()
    this.#afterReply.length = 0
    this.#deliver()
  }

  #deliver(): void {
    for (const { client, source, start, end } of this.#deferred) {
      this.#replies.markFor(client)
      client.addSegment(source, start, end)
    }
    this.#deferred.length = 0
  }
}
