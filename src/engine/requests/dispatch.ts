// Dispatch: finds the command of a request, checks its number of words, asks admission, and runs
// it.
//
//   execute ─▶ find ─▶ admit (if something is special) ─▶ Runner.run ─▶ parked clients served
//
// The same commands run in three more ways: within EXEC, again for a client that was parked, and
// for other clients while a slow script runs.

import type { Arguments } from '../../protocol/arguments.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import type { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { RESTLESS } from '../../util/restless.ts'
import {
  CLIENT_ASKING,
  CLIENT_CACHING,
  CLIENT_FOR_ONE_REQUEST,
  CLIENT_MULTI,
  CLIENT_MUTED,
  CLIENT_UNAUTHENTICATED,
  type Client,
} from '../clients/client.ts'
import { muteReply } from '../clients/reply-mode.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Command } from '../spec/command.ts'
import { type CommandTable, hasArity, meantBy } from '../spec/command-table.ts'
import { speaksHttp, unknownCommand } from '../spec/unknown-command.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import type { Admission } from './admission.ts'
import { Call, type CallHost } from './call.ts'
import type { Runner } from './runner.ts'
import type { Transaction } from './transaction.ts'

export interface DispatchHost extends CallHost {
  readonly commands: CommandTable
  readonly conditions: {
    readonly state: ServerState
  }
  readonly effects: CallHost['effects'] & {
    readonly propagation: CallHost['effects']['propagation'] & { beginUnit(): void; endUnit(): void }
  }
  readonly blocking: CallHost['blocking'] & { readonly room: { readonly hasReady: boolean }; serve(): void }
  readonly clients: CallHost['clients'] & {
    readonly outputLimits: { checkReply(client: Client): void }
    readonly memory: { note(client: Client): void }
  }
  readonly upkeep: {
    readonly restless: { afterRequest(): void } | null
  }
}

/** The parts of the same room, which were made before. */
interface Siblings {
  readonly admission: Admission
  readonly replies: ReplyBuffer
  readonly runner: Runner
}

export class Dispatch {
  readonly #host: DispatchHost
  // Read for every request: one property hop less for each.
  readonly #commands: CommandTable
  readonly #state: ServerState
  readonly #runner: Runner
  readonly #admission: Admission
  readonly #blocking: DispatchHost['blocking']
  readonly #clientMemory: { note(client: Client): void }
  readonly #replies: ReplyBuffer
  readonly #unitClock: UnitClock
  readonly #room: { readonly hasReady: boolean }
  readonly #call: Call
  readonly #execCall: Call
  readonly #retryCall: Call

  constructor(host: DispatchHost, { admission, replies, runner }: Siblings) {
    this.#host = host
    this.#commands = host.commands
    this.#state = host.conditions.state
    this.#runner = runner
    this.#admission = admission
    this.#replies = replies
    this.#unitClock = host.environment.unitClock
    this.#blocking = host.blocking
    this.#clientMemory = host.clients.memory
    this.#room = host.blocking.room
    this.#call = new Call(host)
    this.#call.reply = replies
    this.#execCall = new Call(host)
    this.#execCall.mayBlock = false
    this.#retryCall = new Call(host)
    this.#retryCall.retrying = true
  }

  /**
   * Runs one request of a client, or refuses it; then serves the parked clients that it has fed.
   */
  execute(client: Client, args: Arguments): void {
    if (CHECKED) assert(!client.requests.parked && !client.paused, 'invariant 1: a client that waits runs nothing')
    if (CHECKED) assert(this.#runner.call === undefined, 'invariant 1: a command has ended when the next one begins')
    this.#unitClock.pass()
    if ((client.state & CLIENT_MUTED) === 0) {
      this.dispatch(client, args, this.#call)
    } else {
      this.#replies.mark()
      if (client.output.replyMode === 'skip') client.output.replyMode = 'skipping'
      const { position } = client
      this.dispatch(client, args, this.#call)
      muteReply(client, position, this.#replies)
    }
    if ((client.state & (CLIENT_UNAUTHENTICATED | CLIENT_FOR_ONE_REQUEST)) !== 0) this.#afterwards(client, args)
    if (this.#runner.hasDeferred) this.#runner.deliverDeferred()
    if (this.#room.hasReady) this.#blocking.serve()
    if (RESTLESS) this.#host.upkeep.restless!.afterRequest()
  }

  /** Ends the states that last for one request, or checks a client that has not authenticated. */
  #afterwards(client: Client, args: Arguments): void {
    const { state } = client
    if ((state & CLIENT_UNAUTHENTICATED) !== 0) this.#host.clients.outputLimits.checkReply(client)
    // CLIENT CACHING and ASKING last for the next request or transaction, so they do not end with
    // their own request.
    if ((state & CLIENT_FOR_ONE_REQUEST) === 0 || (state & CLIENT_MULTI) !== 0) return
    if (client.requests.parked || client.requests.postponed !== undefined) return
    const named = this.#commands.find(args.bytes(0))
    const isClient = named?.spec.name === 'CLIENT' && meantBy(named, args)?.run !== undefined
    if (!isClient) client.state &= ~CLIENT_CACHING
    if (named?.spec.name !== 'ASKING') client.state &= ~CLIENT_ASKING
  }

  /**
   * Runs a request within `call`, or refuses it. This part of `execute` may happen while another
   * command runs. `known` is the command of the first word, where the caller has found it already.
   */
  dispatch(client: Client, args: Arguments, call: Call, known: Command | undefined = undefined): void {
    let named = known ?? this.#commands.find(args.bytes(0))
    if (named === undefined && client.isObeyed) named = this.#commands.findWritten(args.bytes(0))
    const command = named === undefined || named.subcommands === undefined ? named : meantBy(named, args)
    if (command === undefined) {
      this.#refuseUnknown(client, args, named)
      return
    }
    if (!hasArity(command, args)) {
      this.#admission.refuse(client, command, ERR.arity(command.name))
      return
    }
    if ((client.state | this.#state.special) !== 0) {
      const admission = this.#admission
      if (!(client.isObeyed ? admission.admitObeyed(client, command, args) : admission.admit(client, command, args)))
        return
    }
    // A request that came in pieces belongs to the command from here on. If the command stores a
    // value of it, its bytes must not be counted twice.
    if (client.bytes.countedRequests !== 0 && client.bytes.countedRequests !== client.requestBytes) {
      this.#clientMemory.note(client)
    }
    call.begin(client, args, command)
    this.#runner.run(call, command)
  }

  /** Refuses an unknown command, or a subcommand that `container` does not have. */
  #refuseUnknown(client: Client, args: Arguments, container: Command | undefined): void {
    const admission = this.#admission
    const { connected: clients } = this.#host.clients
    const { log } = this.#host.environment
    if (container !== undefined) {
      admission.refuse(client, container, ERR.unknownSubcommand(args.string(1), container.spec.name))
    } else if (speaksHttp(args)) {
      log.warn(
        { client: client.connection.transport.address },
        'closing a client that speaks HTTP (cross-protocol scripting?)',
      )
      clients.close(client, 'now')
    } else {
      admission.refuse(client, undefined, unknownCommand(args))
    }
  }

  /** Refuses a request that will not run, if it might write. */
  refuseWrite(client: Client, args: Arguments, error: ReplyError): void {
    const admission = this.#admission
    const named = this.#commands.find(args.bytes(0))
    const command = named === undefined || named.subcommands === undefined ? named : meantBy(named, args)
    if (command === undefined) return
    const { isWrite, mayReplicate } = admission.claimsOf(command, args, client)
    if (isWrite || mayReplicate) this.replyTo(client, () => admission.refuse(client, command, error))
  }

  /**
   * Runs the queued commands of a transaction as one unit. EXEC has written the head of its reply.
   */
  runTransaction(call: Call, { queue }: Transaction): void {
    const { client } = call
    assert(client.requests.transaction === undefined, 'EXEC has ended the transaction that it runs')
    const admission = this.#admission
    const { propagation } = this.#host.effects
    const inner = this.#execCall
    inner.reply = call.reply
    propagation.beginUnit()
    for (const { command, args } of queue) {
      inner.begin(client, args, command)
      // CLIENT REPLY OFF holds from the command after it, inside a transaction too.
      const muted = client.output.replyMode === 'off'
      if (muted) this.#replies.mark()
      const { position } = client
      const denied = admission.refusalInExec(client, command, args)
      // A transaction has one reading of the clock, which EXEC made (invariant 2).
      if (denied === undefined) this.#runner.run(inner, command)
      else inner.reply.error(denied)
      if (muted) muteReply(client, position, this.#replies)
    }
    propagation.endUnit()
  }

  /** Runs the command of a parked client again, and replies. Returns false when it was refused. */
  retry(client: Client, command: Command, args: Arguments): boolean {
    assert(client.requests.parked, 'invariant 5: a command is tried again for a parked client')
    const interrupted = this.#replies.open(client)
    const call = this.#retryCall
    call.reply = this.#replies
    call.begin(client, args, command)
    const { position } = client
    const isRefused = this.#admission.refuseRetry(client, command, args)
    if (!isRefused) this.#runner.run(call, command)
    if ((client.state & CLIENT_MUTED) !== 0) muteReply(client, position, this.#replies)
    if (this.#runner.hasDeferred) this.#runner.deliverDeferred()
    this.#replies.close()
    if (interrupted !== undefined) this.#replies.open(interrupted)
    return !isRefused
  }

  /** Writes a reply to a client outside of its own commands. */
  replyTo(client: Client, write: (reply: Reply) => void): void {
    const interrupted = this.#replies.open(client)
    const { position } = client
    write(this.#replies)
    if ((client.state & CLIENT_MUTED) !== 0) muteReply(client, position, this.#replies)
    this.#replies.close()
    if (interrupted !== undefined) this.#replies.open(interrupted)
  }
}
