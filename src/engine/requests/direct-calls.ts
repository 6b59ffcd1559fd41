// Calls from within the process: words come as arguments, and the reply is a value at once.
//
//   admits ─▶ dispatch (as for any request) ─▶ a value ─▶ 'now'       nothing has to be written first
//                                                  └────▶ 'soon'      a mark in the client's output stands for it
//                                           ─▶ no value ─▶ 'in-bytes' the client waits: its reply comes as bytes, later
//
// A mark passes through everything that replies pass through: it waits for the journal (invariant
// 3), for the client's other replies, for a fault that a test asked for. So the order of a client's
// replies is one and the same for both.

import type { Arguments } from '../../protocol/arguments.ts'
import type { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { ReplyToValues } from '../../protocol/reply-to-values.ts'
import { type ReplyValue, ReplyValueReader } from '../../protocol/reply-value.ts'
import { assert } from '../../util/assert.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { RESTLESS } from '../../util/restless.ts'
import { CLIENT_FOR_ONE_REQUEST, CLIENT_MUTED, CLIENT_UNAUTHENTICATED, type Client } from '../clients/client.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Progress } from '../effects/journal.ts'
import type { Command } from '../spec/command.ts'
import { Call, type CallHost } from './call.ts'
import type { Dispatch } from './dispatch.ts'
import type { Runner } from './runner.ts'

export interface DirectCallsHost extends CallHost {
  readonly environment: CallHost['environment'] & { readonly soon: (run: () => void) => void }
  readonly effects: CallHost['effects'] & { readonly durability: { readonly progress: Progress } }
  readonly blocking: CallHost['blocking'] & { readonly room: { readonly hasReady: boolean }; serve(): void }
  readonly clients: CallHost['clients'] & { readonly memory: { note(client: Client): void } }
  readonly conditions: {
    readonly state: Pick<ServerState, 'delays'>
  }
  readonly upkeep: {
    readonly faults: object | null
    readonly restless: { afterRequest(): void } | null
  }
}

/** The parts of the same room, which are made before. */
interface Siblings {
  readonly dispatch: Dispatch
  readonly incoming: { readonly isBehind: boolean }
  readonly replies: ReplyBuffer
  readonly runner: Runner
  readonly turn: { readonly owed: readonly Client[]; take(): boolean; end(): void }
}

/** The time at which a call's reply is available. */
export type Answered = 'now' | 'soon' | 'in-bytes'

/** States in which a client cannot call directly, because its next request ends them. */
const CLIENT_NEEDS_BYTES = CLIENT_MUTED | CLIENT_UNAUTHENTICATED | CLIENT_FOR_ONE_REQUEST

/** Space for a refusal, which is written as bytes. A longer one stays in bytes. */
const REFUSAL_BYTES_MAX = 4096

/**
 * A program that awaits one call after the other never lets the event loop turn. After this many
 * calls or milliseconds, a call is answered by the loop, so that sockets and timers are served.
 */
const CALLS_PER_LOOP_MAX = 4096
const MS_PER_LOOP_MAX = 2
/** The clock is read once for this many calls; a power of two. */
const CALLS_PER_LOOK = 16

export class DirectCalls {
  /** The reply of the last call, which must be taken at once. */
  readonly reply = new ReplyToValues()
  readonly #host: DirectCallsHost
  readonly #room: Siblings
  // Read for every call: one property hop less for each.
  readonly #replies: ReplyBuffer
  readonly #runner: Runner
  readonly #dispatch: Dispatch
  readonly #turn: Siblings['turn']
  readonly #unitClock: DirectCallsHost['environment']['unitClock']
  readonly #blocking: DirectCallsHost['blocking']
  readonly #waiting: { readonly hasReady: boolean }
  readonly #durability: { readonly progress: Progress }
  readonly #upkeep: DirectCallsHost['upkeep']
  /** Made at the first call, because most servers are never called from within. */
  #call: Call | undefined = undefined
  /** For calls that reply as if waiting were impossible. */
  #callAtOnce: Call | undefined = undefined
  #callsLeft = CALLS_PER_LOOP_MAX
  #loopDueMs = 0
  #ending = false
  readonly #endTurn = (): void => this.#turn.end()
  readonly #endTurnEarly = (): void => {
    this.#ending = false
    this.#turn.end()
  }
  readonly #refusals = new ReplyValueReader<string | Buffer>(
    (u8, start, length) => this.reply.stringOf(u8, start, length),
    {
      reply: (value) => {
        this.#refusal = value
      },
      push() {},
    },
  )
  #refusal: ReplyValue<string | Buffer> | undefined = undefined

  constructor(host: DirectCallsHost, room: Siblings) {
    this.#host = host
    this.#room = room
    this.#replies = room.replies
    this.#runner = room.runner
    this.#dispatch = room.dispatch
    this.#turn = room.turn
    this.#unitClock = host.environment.unitClock
    this.#blocking = host.blocking
    this.#waiting = host.blocking.room
    this.#durability = host.effects.durability
    this.#upkeep = host.upkeep
  }

  /** True while no command runs, and no request waits for the end of one. */
  get isFree(): boolean {
    return !(this.#replies.isOpen || this.#room.incoming.isBehind)
  }

  /**
   * False while a client must send its requests as bytes: a command runs, the client waits, or a
   * test asked for faults.
   */
  admits(client: Client): boolean {
    return !(
      !this.isFree ||
      client.halted ||
      // A fault may concern the bytes of a reply.
      this.#upkeep.faults !== null ||
      (client.state & CLIENT_NEEDS_BYTES) !== 0
    )
  }

  /**
   * Runs a call of a client that `admits` accepts. `inBytes`: strings of the reply are bytes.
   * `known`: the command, where the caller has found it already.
   */
  run(client: Client, args: Arguments, inBytes: boolean, known: Command | undefined = undefined): Answered {
    this.#call ??= this.#newCall(true)
    const call = this.#call
    const isWhole = this.#run(client, args, inBytes, call, known)
    const givesWay = (--this.#callsLeft & (CALLS_PER_LOOK - 1)) === 0 && this.#givesWay(client)
    if (isWhole && !givesWay && this.#maySay(client)) {
      this.#afterwards(client, call)
      return 'now'
    }
    if (isWhole) this.#replies.inProcess()
    this.#afterwards(client, call)
    if (!isWhole) return 'in-bytes'
    if (!givesWay) this.#endTurnSoon()
    return 'soon'
  }

  /**
   * Returns true if a call now would be answered at once, unless its command prevents that. The
   * loop need not turn, no client has unsent replies, no journal must be written, and no request is
   * postponed.
   */
  admitsNow(client: Client): boolean {
    const { keysHeld, paused, snapshot } = this.#host.conditions.state.delays
    return (
      !(keysHeld.holds || paused.holds || snapshot.holds) &&
      this.#turn.owed.length === 0 &&
      !this.#durability.progress.enabled &&
      !this.#host.effects.propagation.on &&
      this.admits(client) &&
      !((--this.#callsLeft & (CALLS_PER_LOOK - 1)) === 0 && this.#givesWay(client))
    )
  }

  /**
   * Runs a call that does not wait: a command that finds nothing replies as in a transaction.
   * Returns false if there is no reply. `known` as in `run`.
   */
  runAtOnce(client: Client, args: Arguments, inBytes: boolean, known: Command | undefined = undefined): boolean {
    this.#callAtOnce ??= this.#newCall(false)
    const isWhole = this.#run(client, args, inBytes, this.#callAtOnce, known)
    this.#afterwards(client, this.#callAtOnce)
    return isWhole
  }

  /** Returns true if all replies and writes of a client are as safe as the policy says. */
  isSafe(client: Client): boolean {
    const { progress } = this.#durability
    return (
      client.output.waitsForWritten <= progress.written &&
      client.output.waitsForSynced <= progress.synced &&
      progress.answers !== false &&
      !client.output.heldForDurability
    )
  }

  #newCall(mayBlock: boolean): Call {
    const call = new Call(this.#host)
    call.reply = this.reply
    call.mayBlock = mayBlock
    return call
  }

  #run(client: Client, args: Arguments, inBytes: boolean, call: Call, known: Command | undefined): boolean {
    const { reply } = this
    const replies = this.#replies
    if (this.#turn.take()) {
      client.activity.lastActiveMs = this.#unitClock.renew()
      this.#host.environment.later(this.#endTurn)
    } else {
      this.#unitClock.pass()
    }
    replies.open(client)
    replies.reserve(REFUSAL_BYTES_MAX)
    const { source, position } = replies
    reply.begin(client.protocol, inBytes)
    this.#dispatch.dispatch(client, args, call, known)
    return reply.isWhole || (replies.dirty && this.#readRefusal(source, position))
  }

  /**
   * Returns true if a reply may be given at once. Clients with unsent replies come first: a program
   * that goes on calling does not delay their messages.
   */
  #maySay(client: Client): boolean {
    return this.#turn.owed.length === 0 && !client.halted && this.isSafe(client)
  }

  /** Returns true if it is time for the loop to turn. */
  #givesWay(client: Client): boolean {
    if (this.#callsLeft > 0) {
      client.activity.lastActiveMs = this.#unitClock.renew()
      if (client.activity.lastActiveMs < this.#loopDueMs) return false
    }
    this.#callsLeft = CALLS_PER_LOOP_MAX
    this.#loopDueMs = client.activity.lastActiveMs + MS_PER_LOOP_MAX
    return true
  }

  /** Reads the reply of admission, which writes bytes. */
  #readRefusal(source: Source, start: number): boolean {
    const replies = this.#replies
    if (replies.source !== source) return false
    this.#refusal = undefined
    this.#refusals.feed(source.u8.subarray(start, replies.position))
    if (this.#refusal === undefined) return false
    this.reply.value = this.#refusal
    replies.rewind(source, start)
    return true
  }

  #afterwards(client: Client, { command }: Call): void {
    if (this.#runner.hasDeferred) this.#runner.deliverDeferred()
    if (this.#waiting.hasReady) this.#blocking.serve()
    this.#replies.close()
    // Adding up the client's bytes takes as long as the rest of this function.
    if ((client.state !== 0 || client.halted || command.spec.changesConnection !== undefined) && this.#hasGrown(client))
      this.#host.clients.memory.note(client)
    if (CHECKED) assert(!this.#hasGrown(client), 'what a client holds is counted when its call ends')
    if (RESTLESS) this.#upkeep.restless!.afterRequest()
  }

  #hasGrown(client: Client): boolean {
    return client.requestBytes !== client.bytes.countedRequests
  }

  /** Ends the turn before the loop goes on. Promises that wait for it are settled then. */
  #endTurnSoon(): void {
    if (this.#ending) return
    this.#ending = true
    this.#host.environment.soon(this.#endTurnEarly)
  }
}
