// The end of a turn: served clients go on, the journal is written, and every client is sent its
// replies.
//
//   resume ─▶ journal written (invariant 3) ─▶ client flushed, or its replies withheld
//
// One end of a turn serves all events since the last. The first of them asks the loop for it, once.
//
// The turn's duration is what the clock was read for anyway: from the first timed command to the
// end of the last, and the journal's writes. A client's first command in a read is always timed,
// and so is a command that may take long. Only every sixteenth turn reads the clock, around its
// upkeep.

import type { PubSub } from '../../broker/pub-sub.ts'
import type { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { Clock } from '../../util/time/clock.ts'
import { CLIENT_REPLICA, type Client } from '../clients/client.ts'
import type { Progress, Served } from '../effects/journal.ts'
import type { Stats } from '../figures/stats.ts'
import type { Log } from '../log.ts'

/** Fewer withheld bytes are not counted: if every write is synced, most replies are withheld. */
const HELD_NOTED_BYTES_MIN = 16 * 1024
/** The upkeep of one turn in this many is timed; a power of two. */
const UPKEEP_TIMED_EVERY = 16

export interface TurnEndHost {
  readonly clients: {
    readonly pubSub: PubSub
    readonly connected: { close(client: Client, when: 'flushed' | 'now'): void; disconnect(client: Client): void }
    readonly outputLimits: { check(client: Client): boolean }
    readonly memory: { note(client: Client): void; enforce(): void }
    readonly monitors: { recycle(): void; abandon(): void }
    readonly maintenance: { recycle(): void; abandon(): void }
    readonly tracking: { tellChanges(): void; recycle(): void; abandon(): void }
  }
  readonly requests: {
    readonly incoming: { resume(client: Client): void }
  }
  readonly figures: {
    readonly stats: Stats
  }
  readonly environment: {
    readonly log: Log
    readonly later: (run: () => void) => void
    readonly workClock: Clock
  }
  readonly effects: {
    readonly durability: {
      readonly progress: Progress
      readonly heldClients: number
      settle(): void
      hold(client: Client): void
    }
  }
  readonly upkeep: {
    readonly timedWork: { arm(): void }
    /** Null unless a test has asked for faults. */
    readonly faults: { keepsBack(client: Client): boolean } | null
  }
}

/** The runner, as a turn's end sees it: when commands ran that were timed. */
export interface TimedCommands {
  turnBeganMs: number
  readonly startedMs: number
  readonly tookMs: number
}

export class TurnEnd {
  /** Called when a turn has ended: the journal has its effects, and clients have their replies. */
  readonly ended = new Handlers<[]>((slot) => {
    this.#ended = slot
  })
  #ended: Handler<[]> | null = null
  readonly #host: TurnEndHost
  // Read in every turn: one property hop less for each.
  readonly #clients: TurnEndHost['clients']
  readonly #effects: TurnEndHost['effects']
  readonly #upkeep: TurnEndHost['upkeep']
  readonly #stats: Stats
  readonly #replies: ReplyBuffer
  readonly #commands: TimedCommands
  readonly #workClock: Clock
  readonly #later: (run: () => void) => void
  readonly #end = () => this.end()
  /** The loop, or a caller, is going to end this turn. */
  #ending = false
  #resumes: Client[] = []
  /** The value of `commandsProcessed` at the end of the last turn. */
  #commandsBefore = 0
  /** Milliseconds of the journal's writes, as of the end of the last turn. */
  #journalMsBefore = 0
  /** Milliseconds of the last upkeep that was timed. */
  #upkeepMs = 0
  /** Clients with something to send. */
  #flushes: Client[] = []

  constructor(host: TurnEndHost, replies: ReplyBuffer, commands: TimedCommands) {
    this.#host = host
    this.#commands = commands
    this.#workClock = host.environment.workClock
    this.#clients = host.clients
    this.#effects = host.effects
    this.#upkeep = host.upkeep
    this.#stats = host.figures.stats
    this.#replies = replies
    this.#later = host.environment.later
  }

  /** Asks the loop to end the turn after its present events. */
  endSoon(): void {
    if (this.#ending) return
    this.#ending = true
    this.#later(this.#end)
  }

  /**
   * Makes the caller responsible for the end of this turn, and returns true; returns false when the
   * loop, or another caller, is already.
   */
  take(): boolean {
    if (this.#ending) return false
    this.#ending = true
    return true
  }

  /** Sends a client its replies at the end of this turn. */
  flushSoon(client: Client): void {
    if (client.output.queuedForFlush) return
    client.output.queuedForFlush = true
    this.#flushes.push(client)
    this.endSoon()
  }

  /** Runs a client's waiting requests at the end of this turn. */
  resumeSoon(client: Client): void {
    assert(!client.requests.parked, 'invariant 5: a client goes on after it was served')
    this.#resumes.push(client)
    this.endSoon()
  }

  /** Clients with replies that are to be sent. */
  get owed(): readonly Client[] {
    return this.#flushes
  }

  /** Ends the turn now. */
  end(): void {
    if (CHECKED) assert(!this.#replies.isOpen, 'invariant 1: a turn ends between two commands')
    this.#count()
    const {
      connected: clients,
      maintenance,
      memory: clientMemory,
      monitors,
      outputLimits,
      pubSub,
      tracking,
    } = this.#clients
    const { durability } = this.#effects
    const { faults, timedWork } = this.#upkeep
    const replies = this.#replies
    this.#ending = false
    while (this.#resumes.length > 0) {
      const queue = this.#resumes
      this.#resumes = []
      for (const client of queue) this.#host.requests.incoming.resume(client)
    }
    tracking.tellChanges()
    const { progress } = durability
    const served = progress.waits ? this.#served(progress) : 'others'
    if (progress.write(served)) {
      this.endSoon()
      // A sync waits for more writers. Until then no reply can leave.
      if (served === 'waiting' && durability.heldClients === 0 && !replies.halfFull) return
    }
    durability.settle()
    const isSilent = progress.answers === false
    const queue = this.#flushes
    this.#flushes = []
    let taken = true
    for (let i = 0; i < queue.length; i++) {
      const client = itemAt(queue, i)
      if (CHECKED) assert(client.output.queuedForFlush, 'a client with replies is listed once')
      client.output.queuedForFlush = false
      if (client.connection.closed) continue
      if (client.output.overLimit) {
        clients.close(client, 'now')
        continue
      }
      if ((client.state & CLIENT_REPLICA) !== 0 && !client.connection.closing) {
        this.#refuseReply(client)
        continue
      }
      if (
        isSilent ||
        client.output.waitsForWritten > progress.written ||
        client.output.waitsForSynced > progress.synced
      ) {
        durability.hold(client)
        outputLimits.check(client)
        if (client.pendingBytes > HELD_NOTED_BYTES_MIN) clientMemory.note(client)
        continue
      }
      if (faults?.keepsBack(client) === true) continue
      if (!this.#flush(client)) taken = false
    }
    clientMemory.enforce()
    // To send may have queued further replies (the last ones of a closed client). Their segments
    // must survive this turn.
    const idle = this.#flushes.length === 0
    if (idle) this.#flushes = queue
    // To set the length would free the array's memory, and every turn would allocate it again.
    while (queue.length > 0) queue.pop()
    if (taken && idle) {
      replies.recycle()
      pubSub.recycle()
      tracking.recycle()
      monitors.recycle()
      maintenance.recycle()
    } else {
      if (idle) replies.leave()
      else replies.abandon()
      pubSub.abandon()
      tracking.abandon()
      monitors.abandon()
      maintenance.abandon()
    }
    if (this.#ended !== null) this.#ended()
    this.#countDuration()
    if ((this.#stats.turns & (UPKEEP_TIMED_EVERY - 1)) === 1) this.#armTimed()
    else timedWork.arm()
    this.#stats.upkeepMs += this.#upkeepMs
  }

  #armTimed(): void {
    const beganMs = this.#workClock.monotonic()
    this.#upkeep.timedWork.arm()
    this.#upkeepMs = this.#workClock.monotonic() - beganMs
  }

  #countDuration(): void {
    const commands = this.#commands
    const stats = this.#stats
    const journalMs = stats.journalMs - this.#journalMsBefore
    this.#journalMsBefore = stats.journalMs
    if (commands.turnBeganMs === 0) return
    stats.countTurn(commands.startedMs + commands.tookMs - commands.turnBeganMs + Math.max(0, journalMs))
    commands.turnBeganMs = 0
  }

  #count(): void {
    const stats = this.#stats
    const commands = stats.commandsProcessed - this.#commandsBefore
    stats.turns++
    if (commands > stats.commandsPerTurnMax) stats.commandsPerTurnMax = commands
    this.#commandsBefore = stats.commandsProcessed
  }

  /** Returns 'waiting' when each client with replies waits for a sync, else 'others'. */
  #served({ synced }: Progress): Served {
    const queue = this.#flushes
    for (let i = 0; i < queue.length; i++) if (itemAt(queue, i).output.waitsForSynced <= synced) return 'others'
    return 'waiting'
  }

  /** Closes a replica's connection: it would read a reply as a part of the stream. */
  #refuseReply(client: Client): void {
    const { connected: clients } = this.#clients
    const { log } = this.#host.environment
    log.warn(
      { client: client.connection.transport.address },
      `Replica generated a reply to command '${client.activity.lastCommand}', disconnecting it`,
    )
    clients.close(client, 'now')
  }

  #flush(client: Client): boolean {
    const { connected: clients, memory: clientMemory, outputLimits } = this.#clients
    const stats = this.#stats
    const { synced, written } = this.#effects.durability.progress
    assert(client.output.waitsForWritten <= written, 'invariant 3: a reply leaves after its bytes were written')
    assert(client.output.waitsForSynced <= synced, 'invariant 3: a reply that waits for a sync leaves after it')
    assert(!client.output.heldForDurability, 'invariant 3: a reply that is held is not sent')
    stats.writesProcessed++
    stats.outputBytes += client.pendingBytes
    const taken = client.flush()
    if (CHECKED) assert(client.pendingBytes === 0, 'the transport has taken all output')
    if (client.connection.closing) {
      clients.disconnect(client)
      client.connection.transport.close('flushed')
    } else if (!taken || client.output.softLimitSinceMs !== 0 || client.connection.transport.backlogBytes > 0) {
      outputLimits.check(client)
      if (client.output.overLimit) clients.close(client, 'now')
      else clientMemory.note(client)
    }
    return taken
  }
}
