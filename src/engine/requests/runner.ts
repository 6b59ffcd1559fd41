// The runner: it runs admitted commands, counts and times them, catches their errors, and passes on
// their effects.
//
// Each call of a command that may take long is timed. Of the others, which take constant time,
// about every sixteenth of a pipeline is. It stands for all since the one timed before, because to
// read the clock twice costs a tenth of a GET. The first command of each piece of input is always
// timed, and every command is while `CommandTimes` asks for it.

import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { Clock } from '../../util/time/clock.ts'
import { CLIENT_NO_TOUCH, type Client } from '../clients/client.ts'
import type { Stats } from '../figures/stats.ts'
import type { Command } from '../spec/command.ts'
import type { Call } from './call.ts'
import { answerFailure } from './command-failure.ts'

/** The number of commands of constant time between two timed ones, and its variation. */
const TIMED_EVERY = 10
const TIMED_SPREAD = 13

export interface RunnerHost {
  readonly environment: {
    readonly workClock: Clock
    readonly unitClock: { readonly reading: number }
  }
  readonly figures: {
    readonly stats: Stats
    /** Takes the duration of each timed command. */
    readonly times: {
      readonly wantsAll: boolean
      note(call: Call, command: Command, args: Arguments, milliseconds: number): void
    }
  }
  readonly data: {
    readonly dataset: { readonly use: { touches: boolean }; readonly changesBegun: number }
  }
  readonly effects: {
    /** Takes the effects of each command that has run. */
    readonly propagation: {
      readonly endsWithCommand: boolean
      readonly unitBegun: boolean
      settle(call: Call): void
      endUnit(): void
    }
  }
}

export interface RunnerReplies {
  readonly source: Source
  readonly position: number
  readonly protocol: 2 | 3
  markFor(client: Client): void
  isOpenFor(client: Client): boolean
}

/** A message for a client whose own command is running. */
interface Deferred {
  readonly client: Client
  readonly source: Source
  readonly start: number
  readonly end: number
}

export class Runner {
  /**
   * Called with each command that has run, while its call is still whole. Commands within EXEC and
   * scripts come before EXEC and the script.
   */
  readonly onRan = new Handlers<[call: Call]>((slot) => {
    this.#ran = slot
  })
  #ran: Handler<[call: Call]> | null = null
  // Read for every command: one property hop less for each.
  readonly #stats: Stats
  readonly #times: RunnerHost['figures']['times']
  readonly #workClock: Clock
  readonly #unitClock: { readonly reading: number }
  readonly #dataset: RunnerHost['data']['dataset']
  readonly #use: { touches: boolean }
  readonly #replies: RunnerReplies
  readonly #propagation: RunnerHost['effects']['propagation']
  #current: Call | undefined = undefined
  /**
   * The begin of the last timed command, by the machine's clock. A command that runs scripts is
   * always timed, as it may take long.
   */
  startedMs = 0
  /** The duration of the last timed command in milliseconds. */
  tookMs = 0
  /**
   * The begin of the first timed command of this turn; 0 = none was timed. The turn's end sets it
   * back.
   */
  turnBeganMs = 0
  /** The number of commands that run before the next one is timed. */
  #untimed = 0
  readonly #deferred: Deferred[] = []
  readonly #afterReply: (() => void)[] = []

  constructor(host: RunnerHost, replies: RunnerReplies) {
    this.#stats = host.figures.stats
    this.#times = host.figures.times
    this.#workClock = host.environment.workClock
    this.#unitClock = host.environment.unitClock
    this.#dataset = host.data.dataset
    this.#use = host.data.dataset.use
    this.#replies = replies
    this.#propagation = host.effects.propagation
  }

  /** The innermost running command; undefined between commands. */
  get call(): Call | undefined {
    return this.#current
  }

  /** The client whose command is running; undefined between commands. */
  get client(): Client | undefined {
    return this.#current?.client
  }

  /** Times the next command: it is the first of a piece of input. */
  timeNext(): void {
    this.#untimed = 0
  }

  /** Runs the command of a call, and propagates its effects. */
  run(call: Call, command: Command): void {
    const stats = this.#stats
    const { client } = call
    client.activity.lastCommand = command.name
    client.activity.commandsRun++
    stats.commandsProcessed++
    command.calls++
    command.untimed++
    this.#use.touches = (client.state & CLIENT_NO_TOUCH) === 0
    const outer = this.#current
    this.#current = call
    const isTurn = this.#untimed === 0
    // The first call of every command is timed.
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
    if (CHECKED && outer === undefined)
      assert(!this.#propagation.unitBegun, 'invariant 4: a unit ends with its command')
  }

  #runGuarded(call: Call, command: Command): void {
    const { changesBegun } = this.#dataset
    const { source, position } = this.#replies
    try {
      if (CHECKED) this.#runChecked(call, command)
      else command.run!(call)
    } catch (error) {
      answerFailure(call, error, changesBegun, source, position)
    }
  }

  /** Runs a command between checks of the invariants that each command could break. */
  #runChecked(call: Call, command: Command): void {
    const { client } = call
    const { reading } = this.#unitClock
    const outcome: unknown = command.run!(call)
    call.checkGate()
    assert(!(outcome instanceof Promise), 'invariant 1: a command runs to completion')
    assert(reading === 0 || this.#unitClock.reading === reading, 'invariant 2: a unit reads the clock once')
    const replies = this.#replies
    const isInItsProtocol = !replies.isOpenFor(client) || replies.protocol === client.protocol
    assert(isInItsProtocol, "invariant 7: the reply writer has the client's protocol")
    assert(this.#current === call, 'invariant 1: the commands that a command runs have ended with it')
  }

  // ── messages for the client that is being served ──────────────────────────

  /**
   * Keeps a message for a client until its own running command has replied.
   *
   * A message in the middle of a reply (a client publishes to itself within EXEC) would break the
   * protocol.
   */
  defer(client: Client, source: Source, start: number, end: number): void {
    assert(start < end, 'a message has bytes')
    this.#deferred.push({ client, source, start, end })
  }

  /** Calls a function when the running command has replied and the kept messages are delivered. */
  afterReply(run: () => void): void {
    assert(this.#current !== undefined, 'a command runs that is going to reply')
    this.#afterReply.push(run)
  }

  get hasDeferred(): boolean {
    return this.#deferred.length !== 0 || this.#afterReply.length !== 0
  }

  /** Delivers the kept messages, and calls the functions that wait for that. */
  deliverDeferred(): void {
    assert(this.#current === undefined, 'a message waits until the command of its client has replied')
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
