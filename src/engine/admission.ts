// May this command run now? Asked only when something is special: a client that
// has not authenticated, queues a transaction or is subscribed; a server that is
// loading, paused, out of memory or unable to write its journal.
//
// The order of the questions is Redis's: it decides which error a client sees.

import type { Arguments } from '../protocol/arguments.ts'
import { ERR, ReplyError } from '../protocol/errors.ts'
import type { ReplyBuffer } from '../protocol/reply-buffer.ts'
import { QueryBufferOverflow } from '../protocol/request-parser.ts'
import { CLIENT_MONITOR, CLIENT_MULTI, CLIENT_SUBSCRIBED, CLIENT_UNAUTHENTICATED, type Client } from './client.ts'
import type { Claims, Command } from './command.ts'
import type { Config } from './config.ts'
import type { Eviction } from './eviction.ts'
import type { Progress } from './journal.ts'
import type { Pause } from './pause.ts'
import type { Saving } from './saving.ts'
import type { ScriptRunner } from './script-runner.ts'
import type { ServerState } from './state.ts'
import type { Stats } from './stats.ts'
import type { Tracking } from './tracking.ts'
import { discardTransaction, transactionOf } from './transaction.ts'
import type { Watches } from './watches.ts'

export interface AdmissionHost {
  readonly config: Config
  readonly state: ServerState
  readonly stats: Stats
  readonly replies: ReplyBuffer
  readonly watches: Watches
  readonly pause: Pause
  readonly eviction: Eviction
  readonly durability: { readonly progress: Progress }
  readonly scripts: ScriptRunner
  readonly saving: Saving | undefined
  readonly tracking: Tracking
}

export class Admission {
  readonly #host: AdmissionHost

  constructor(host: AdmissionHost) {
    this.#host = host
  }

  /** Returns true when the command may run; otherwise it was refused, queued or held, and replied to. */
  admit(client: Client, command: Command, args: Arguments): boolean {
    const { config, eviction, pause, replies, saving, scripts, state, tracking } = this.#host
    const { flags, spec } = command
    const inMulti = (client.state & CLIENT_MULTI) !== 0
    const claims = command.declared?.(scripts, args, client) ?? command
    const forbidden = command.forbidden?.(config, client)
    if (forbidden !== undefined) return this.refuse(client, command, forbidden)
    if ((client.state & CLIENT_UNAUTHENTICATED) !== 0 && !client.authenticated && !flags.has('no_auth')) {
      return this.refuse(client, command, ERR.noAuth)
    }
    if (inMulti && flags.has('no_multi')) {
      return this.refuse(client, command, ERR.of('Command not allowed inside a transaction'))
    }
    const isBusy = state.busy.holds
    if (isBusy && !flags.has('allow_busy')) return this.refuse(client, command, scripts.busy ?? ERR.busy)
    // What a script works on is not evicted under its hands.
    const hasMemory = !state.memoryLimited.holds || isBusy || eviction.makeRoom()
    if (state.tracksTooMuch.holds) tracking.makeRoom()
    if (!hasMemory) {
      // What ends a transaction runs even when there is no memory for queueing more.
      const queuesMore = inMulti && (spec.duringMulti === undefined || spec.duringMulti === 'runs')
      if (claims.isDenyoom || queuesMore) return this.refuse(client, command, ERR.outOfMemory)
    }
    const failure = this.diskFailure
    if (failure !== undefined && (claims.isWrite || spec.asksForWrites)) return this.refuse(client, command, failure)
    if ((client.state & CLIENT_SUBSCRIBED) !== 0 && client.protocol === 2 && !spec.whileSubscribed) {
      return this.refuse(
        client,
        command,
        ERR.of(
          `Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
        ),
      )
    }
    if (state.loading.holds && !flags.has('loading')) return this.refuse(client, command, ERR.loading)
    // Redis counts who monitors as a replica.
    const isKeyspace = command.isReadonly || command.mayReplicate || claims.isWrite
    if ((client.state & CLIENT_MONITOR) !== 0 && isKeyspace) {
      return this.refuse(client, command, ERR.of("Replica can't interact with the keyspace"))
    }
    if (state.paused.holds && this.#pauseConcerns(claims)) {
      pause.hold(client, args)
      return false
    }
    if (state.snapshot.holds && saving!.holds(client, command, args)) return false
    if (inMulti && spec.duringMulti === undefined) {
      transactionOf(client)!.add(command, args, claims)
      if (client.queryBufferBytesMax < 0) throw new QueryBufferOverflow()
      replies.status('QUEUED')
      return false
    }
    return true
  }

  /** Why nothing may be written at the moment; undefined = the disk takes what it is given. */
  get diskFailure(): ReplyError | undefined {
    const { durability, state } = this.#host
    if (state.saveFailed.holds) return ERR.misconfRdb
    return state.journalFailed.holds ? ERR.misconfAof(durability.progress.failure ?? '') : undefined
  }

  /** Refuses a request; a transaction being queued is spoiled by it. Returns false, as `admit` does then. */
  refuse(client: Client, command: Command | undefined, error: ReplyError): false {
    const { replies, stats, watches } = this.#host
    let told = error
    if (client.transaction !== undefined) client.transaction.broken = true
    if (command?.spec.duringMulti === 'executes') {
      discardTransaction(client, watches)
      told = new ReplyError(`EXECABORT Transaction discarded because of: ${error.text.replace(/^ERR /, '')}`)
    }
    if (command !== undefined) command.rejected++
    stats.countError(told)
    replies.error(told)
    return false
  }

  #pauseConcerns(claims: Claims): boolean {
    return this.#host.pause.mode === 'all' || claims.isWrite || claims.mayReplicate
  }
}
