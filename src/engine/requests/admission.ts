// Admission: may this command run now? This file answers every caller that runs commands:
//
//   a client         admit            rights, slot, busy, memory, disk, subscribed, loading, paused,
//                                     keys, snapshot; then it runs, is queued or is postponed
//   EXEC             admit            as a client's command, with all requirements of its queue
//                    refusalInExec    for each queued command: its rights may have changed since
//   EVAL             admit            as a client's command, with those that its script declares
//                    refusalOfScript  the same requirements, for a script that may run within EXEC
//   redis.call       refusalInScript  known? allowed in scripts? rights? may it write? memory? slot?
//   a parked client  refuseRetry      rights, memory, disk: as they are by now
//
// Rights depend on the caller and the request. All other conditions are of the state of the server.
// A client's command comes here only when something is special. The client has not authenticated,
// has a restricted user, queues a transaction or is subscribed; or a condition of the server holds
// (conditions/state.ts).
//
// The order of the checks is Redis's, because it decides which error a client sees.

import type { DenialContext } from '../../acl/access-log.ts'
import type { PubSub } from '../../broker/pub-sub.ts'
import type { Config } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR, ReplyError } from '../../protocol/errors.ts'
import type { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { QueryBufferOverflow } from '../../protocol/request-parser.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import {
  CLIENT_MONITOR,
  CLIENT_MULTI,
  CLIENT_RELAYED,
  CLIENT_REPLICA,
  CLIENT_RESTRICTED,
  CLIENT_SUBSCRIBED,
  CLIENT_UNAUTHENTICATED,
  type Client,
} from '../clients/client.ts'
import { type Denial, denialOf } from '../clients/permissions.ts'
import type { Users } from '../clients/users.ts'
import type { Redirection } from '../cluster-view/redirection.ts'
import type { FrozenKeys } from '../conditions/frozen-keys.ts'
import type { Pause } from '../conditions/pause.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Watches } from '../data/watches.ts'
import type { Progress } from '../effects/journal.ts'
import type { Saving } from '../effects/saving.ts'
import type { Stats } from '../figures/stats.ts'
import type { Command, Requirements } from '../spec/command.ts'
import { hasArity } from '../spec/command-table.ts'
import type { Tracking } from '../tracking/tracking.ts'
import type { DebugSwitches } from '../upkeep/debug-switches.ts'
import type { Eviction } from '../upkeep/eviction.ts'
import type { Faults } from '../upkeep/faults.ts'
import { relayOf } from './request-relay.ts'
import type { ScriptRunner } from './script-runner.ts'
import { discardTransaction, openTransactionOf } from './transaction.ts'

export interface AdmissionHost {
  readonly config: Config
  readonly conditions: {
    readonly state: ServerState
    readonly pause: Pause
    readonly heldKeys: FrozenKeys
    readonly switches: Pick<DebugSwitches, 'scriptsMayAll'>
  }
  readonly figures: {
    readonly stats: Stats
  }
  readonly requests: {
    readonly replies: ReplyBuffer
    readonly redirection: Redirection | null
  }
  readonly data: {
    readonly watches: Watches
  }
  readonly upkeep: {
    readonly eviction: Eviction
    readonly faults: Faults | null
  }
  readonly effects: {
    readonly durability: { readonly progress: Progress }
  }
  readonly parts: {
    readonly scripts: ScriptRunner
    readonly saving: Saving | undefined
    readonly replication: { readonly node: { readonly leaderAddress: string } | undefined } | undefined
  }
  readonly clients: {
    readonly maintenance: { sendAway(client: Client, endpoint: string): void }
    readonly pubSub: PubSub
    readonly users: Users
    readonly tracking: Tracking
    readonly memory: { enforce(): void }
  }
}

/** The script that calls a command, and its permissions. */
export interface CallingScript {
  /** A read-only command called it, or it declares that it does not write. */
  readonly readOnly: boolean
  /** It declares that it needs no memory, or that it runs without any left. */
  readonly allowsOom: boolean
  /** It may use keys of several slots, one after the other. */
  readonly crossesSlots: boolean
  /** It has called a command that writes. From then on it is not stopped halfway. */
  readonly wrote: boolean
}

const UNKNOWN_IN_SCRIPT = new ReplyError('ERR Unknown Redis command called from script')
const ARITY_IN_SCRIPT = new ReplyError('ERR Wrong number of args calling Redis command from script')
const NOT_IN_SCRIPT = new ReplyError('ERR This Redis command is not allowed from script')
const WRITE_IN_READ_ONLY_SCRIPT = new ReplyError('ERR Write commands are not allowed from read-only scripts.')
const WRITING_SCRIPT_IN_READ_ONLY = ERR.of('Can not execute a script with write flag using *_ro command.')
const WRITING_SCRIPT_ON_REPLICA = new ReplyError('READONLY Can not run script with write flag on readonly replica.')
const STALE_FOR_SCRIPT = new ReplyError(
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no' and 'allow-stale' flag is not set on the script.",
)
const STALE_IN_SCRIPT = new ReplyError('ERR Can not execute the command on a stale replica')
const NO_MEMORY_FOR_SCRIPT = new ReplyError(
  "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
)

/** EXEC's replies for a queued command that is not allowed any more. */
const RIGHTS_CHANGED = {
  command: rightsChanged('no permission to execute the command or subcommand'),
  key: rightsChanged('no permission to touch the specified keys'),
  channel: rightsChanged('no permission to access one of the channels used as arguments'),
} as const

export class Admission {
  readonly #host: AdmissionHost
  // Read for every request of a restricted user: one property hop less for each.
  readonly #state: ServerState
  /** The last check of memory for a client's command found none left. */
  #foundNoMemory = false

  constructor(host: AdmissionHost) {
    this.#host = host
    this.#state = host.conditions.state
  }

  /**
   * Returns true when the command may run. Else it was refused or queued, and replied to, or it is
   * postponed.
   */
  admit(client: Client, command: Command, args: Arguments): boolean {
    if (CHECKED) assert(!client.isObeyed, 'a client that is obeyed is checked by admitObeyed')
    if (client.state === CLIENT_RESTRICTED && this.#state.special === 0 && command.forbidden === undefined) {
      // Only the user is special: this is checked for each of its requests.
      const denial = this.#denialOf(client, command, args, 'toplevel')
      return denial === undefined || this.refuse(client, command, noPermission(client, command, denial))
    }
    // Shortcut: on a replica, nearly all requests are reads.
    if (client.state === 0 && this.#state.isOnlyReadOnly && command.isReadonly && command.declared === undefined) {
      if (command.forbidden === undefined) return true
    }
    // Shortcut: nodes of a cluster, where only the slot is to be checked.
    if (client.state === 0 && this.#state.isOnlyClustered && command.forbidden === undefined) {
      return this.#isServed(client, command, args, this.claimsOf(command, args, client))
    }
    const { maintenance, memory: clientMemory, tracking } = this.#host.clients
    const { eviction, faults } = this.#host.upkeep
    const { heldKeys, pause } = this.#host.conditions
    const { replication, saving, scripts } = this.#host.parts
    const { flags, spec } = command
    const inMulti = (client.state & CLIENT_MULTI) !== 0
    const claims = this.claimsOf(command, args, client)
    const stranger = this.#strangerRefusal(client, command, args)
    if (stranger !== undefined) return this.refuse(client, command, stranger)
    if (inMulti && flags.has('no_multi')) {
      return this.refuse(client, command, ERR.of('Command not allowed inside a transaction'))
    }
    const denial = this.#denialOf(client, command, args, inMulti ? 'multi' : 'toplevel')
    if (denial !== undefined) return this.refuse(client, command, noPermission(client, command, denial))
    if ((client.state & CLIENT_RELAYED) !== 0) {
      // The server that leads now checks everything else.
      if (inMulti && spec.duringMulti === undefined) return this.#queue(client, command, args, claims)
      if (relayOf(client).take(client, command, args, claims)) return false
    }
    if (this.#state.clustered.holds && !this.#isServed(client, command, args, claims)) return false
    if (this.#state.faulty.holds) {
      const fault = faults?.meets(client, command, claims)
      if (fault === 'cut') return false
      if (fault !== undefined) return this.refuse(client, command, fault)
    }
    const isBusy = this.#state.busy.holds
    if (isBusy && !flags.has('allow_busy')) return this.refuse(client, command, scripts.busy ?? ERR.busy)
    if (this.#state.tracksTooMuch.holds) tracking.makeRoom()
    // Keys that a running script works on are not evicted.
    if (this.#state.memoryLimited.holds && !isBusy) {
      // Clients that take too much memory are closed before a key is evicted.
      clientMemory.enforce()
      if (client.connection.closed) return false
      this.#foundNoMemory = !eviction.makeRoom()
      // Commands that end a transaction run even when there is no memory to queue more.
      const queuesMore = inMulti && (spec.duringMulti === undefined || spec.duringMulti === 'runs')
      if (this.#foundNoMemory && (claims.isDenyoom || queuesMore)) return this.refuse(client, command, ERR.outOfMemory)
    }
    // For a client the disk is checked before the role; for a script the role comes first.
    let unwritable = claims.isWrite || spec.asksForWrites ? this.diskFailure : undefined
    if (claims.isWrite) unwritable ??= this.#refusalOfWrites(ERR.readOnly)
    if (unwritable !== undefined) {
      // The client took this node for the leader.
      if (unwritable === ERR.readOnly) maintenance.sendAway(client, replication?.node?.leaderAddress ?? '')
      return this.refuse(client, command, unwritable)
    }
    if ((client.state & CLIENT_SUBSCRIBED) !== 0 && client.protocol === 2 && !spec.whileSubscribed) {
      return this.refuse(
        client,
        command,
        ERR.of(
          `Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
        ),
      )
    }
    if (this.#state.stale.holds && !claims.runsWhileStale) return this.refuse(client, command, ERR.primaryDown)
    if (this.#state.loadingBeside.holds && flags.has('no_async_loading'))
      return this.refuse(client, command, ERR.loading)
    if (this.#state.loading.holds && !claims.runsWhileLoading) return this.refuse(client, command, ERR.loading)
    // Redis counts a monitoring client as a replica.
    const isKeyspace = command.isReadonly || command.mayReplicate || claims.isWrite
    if ((client.state & (CLIENT_MONITOR | CLIENT_REPLICA)) !== 0 && isKeyspace) {
      return this.refuse(client, command, ERR.of("Replica can't interact with the keyspace"))
    }
    // A command that runs while data is loaded needs no data, so it runs in the pause of DEBUG
    // RELOAD, too.
    const isReplica = (client.state & CLIENT_REPLICA) !== 0
    if (this.#state.delays.paused.holds && !this.#state.loading.holds && !isReplica && this.#pauseConcerns(claims)) {
      pause.postpone(client, args)
      return false
    }
    if (this.#state.delays.keysHeld.holds && heldKeys.postpones(client, command, args)) return false
    if (this.#state.delays.snapshot.holds && saving?.postpones(client, command, args) === true) return false
    return !(inMulti && spec.duringMulti === undefined) || this.#queue(client, command, args, claims)
  }

  /** Queues a command for EXEC; returns false: it does not run now. */
  #queue(client: Client, command: Command, args: Arguments, claims: Requirements): false {
    openTransactionOf(client).add(command, args, claims)
    if (client.queryBufferBytesMax < 0) throw new QueryBufferOverflow()
    this.#host.requests.replies.status('QUEUED')
    return false
  }

  /** Redirects a client, and returns false, when a request's keys are not served here. */
  #isServed(client: Client, command: Command, args: Arguments, claims: Requirements): boolean {
    const { redirection, replies } = this.#host.requests
    const { watches } = this.#host.data
    assert(redirection !== null, 'a node of a cluster knows which node serves a slot')
    const elsewhere = redirection.refusalOf(client, command, args, claims.isWrite)
    if (elsewhere === undefined) return true
    if (redirection.postpones(client, args, elsewhere)) return false
    // Unlike other refusals, EXEC replies it without EXECABORT.
    if (command.spec.duringMulti === 'executes') discardTransaction(client, watches)
    else if (client.requests.transaction !== undefined) client.requests.transaction.broken = true
    this.#count(command, elsewhere)
    replies.error(elsewhere)
    return false
  }

  /** As `admit`, for a client that is obeyed: its command runs unless it is queued. */
  admitObeyed(client: Client, command: Command, args: Arguments): boolean {
    if ((client.state & CLIENT_MULTI) === 0 || command.spec.duringMulti !== undefined) return true
    openTransactionOf(client).add(command, args)
    return false
  }

  /**
   * Returns the reason why EXEC may not run a queued command whose rights have changed since;
   * undefined = it may. Counts the refusal.
   */
  refusalInExec(client: Client, command: Command, args: Arguments): ReplyError | undefined {
    if (client.isObeyed) return undefined
    let refusal = this.#strangerRefusal(client, command, args)
    if (refusal === undefined) {
      const denial = this.#denialOf(client, command, args, 'multi')
      if (denial === undefined) return undefined
      refusal = RIGHTS_CHANGED[denial.reason]
    }
    this.#host.figures.stats.countError(refusal)
    return refusal
  }

  /**
   * Refuses, and returns true, when a parked client may not be served any more: rights or
   * conditions have changed since it was parked.
   */
  refuseRetry(client: Client, command: Command, args: Arguments): boolean {
    const denial = this.#denialOf(client, command, args, 'toplevel')
    let refusal = denial && noPermission(client, command, denial)
    if (refusal === undefined && this.#state.special !== 0 && !client.isObeyed) {
      refusal = this.#retryRefusal(this.claimsOf(command, args, client))
    }
    if (refusal !== undefined) this.refuse(client, command, refusal)
    return refusal !== undefined
  }

  #retryRefusal({ isDenyoom, isWrite }: Requirements): ReplyError | undefined {
    return (isDenyoom ? this.#refusalForMemory() : undefined) ?? (isWrite ? this.#refusalOfWrites() : undefined)
  }

  /**
   * Returns the reason why no write is allowed: the role, the disk, the log, the replicas, in this order;
   * undefined = writes are allowed. `onReplica` is the reply on a read-only replica; undefined
   * where the role was checked before.
   */
  #refusalOfWrites(onReplica?: ReplyError): ReplyError | undefined {
    if (onReplica !== undefined && this.#state.refusals.readOnly.holds) return onReplica
    if (this.diskFailure !== undefined) return this.diskFailure
    if (this.#state.refusals.logBehind.holds) return ERR.logBehind
    return this.#state.refusals.tooFewReplicas.holds ? ERR.noReplicas : undefined
  }

  /** Makes room where memory is limited, and returns the refusal when there is none left. */
  #refusalForMemory(): ReplyError | undefined {
    return this.#state.memoryLimited.holds && !this.#host.upkeep.eviction.makeRoom() ? ERR.outOfMemory : undefined
  }

  /**
   * Returns the denial of a request for lack of rights, and adds it to ACL LOG; undefined = the
   * user may make it.
   */
  #denialOf(client: Client, command: Command, args: Arguments, context: DenialContext): Denial | undefined {
    if ((client.state & CLIENT_RESTRICTED) === 0) return undefined
    const denial = denialOf(client.identity.user, command, args)
    if (denial === undefined) return undefined
    const { index, reason } = denial
    // Redis counts it as the client's last command.
    if (context !== 'lua') client.activity.lastCommand = command.name
    const object = reason === 'command' ? Bytes.from(command.name) : args.bytes(index)
    this.#host.clients.users.refused(client, reason, context, object, undefined, context === 'lua' ? undefined : args)
    return denial
  }

  /**
   * Returns the refusal of a command that does not depend on the user's rules; undefined = there is
   * none.
   */
  #strangerRefusal(client: Client, command: Command, args: Arguments): ReplyError | undefined {
    if (command.forbidden !== undefined) {
      const forbidden = command.forbidden(this.#host.config, client, args)
      if (forbidden !== undefined) return forbidden
    }
    if ((client.state & CLIENT_UNAUTHENTICATED) === 0 || client.authenticated) return undefined
    return command.flags.has('no_auth') ? undefined : ERR.noAuth
  }

  /**
   * Returns the reason why a script may not run. `readOnly`: a read-only command called it.
   * `claims` are undefined for a script that declares nothing: its commands are checked when it
   * calls them.
   */
  refusalOfScript(client: Client, claims: Requirements | undefined, readOnly: boolean): ReplyError | undefined {
    if (client.isObeyed) return undefined
    if (claims === undefined) return this.#state.stale.holds ? ERR.primaryDown : undefined
    if (this.#state.stale.holds && !claims.runsWhileStale) return STALE_FOR_SCRIPT
    if (claims.isWrite) {
      const refusal = this.#refusalOfWrites(WRITING_SCRIPT_ON_REPLICA)
      if (refusal !== undefined) return refusal
      if (readOnly) return WRITING_SCRIPT_IN_READ_ONLY
    }
    return claims.isDenyoom && this.#outOfMemory ? NO_MEMORY_FOR_SCRIPT : undefined
  }

  /**
   * Returns the reason why a client's script may not call a command, and counts the refusal.
   * `command` is undefined if there is none of that name.
   */
  refusalInScript(
    script: CallingScript,
    client: Client,
    command: Command | undefined,
    args: Arguments,
  ): ReplyError | undefined {
    if (
      command !== undefined &&
      ((client.state & (CLIENT_RESTRICTED | CLIENT_UNAUTHENTICATED)) | this.#state.special) === 0 &&
      !(script.readOnly || command.isNoscript || command.forbidden !== undefined) &&
      hasArity(command, args)
    ) {
      // Shortcut: no condition holds, as for nearly every call.
      return undefined
    }
    let refusal: ReplyError | undefined
    if (command === undefined) refusal = UNKNOWN_IN_SCRIPT
    else if (!hasArity(command, args)) refusal = ARITY_IN_SCRIPT
    else if (command.isNoscript && !this.#host.conditions.switches.scriptsMayAll) refusal = NOT_IN_SCRIPT
    else {
      refusal = this.#strangerRefusal(client, command, args) ?? this.#rightsInScript(client, command, args)
      if (refusal === undefined && (command.isWrite || command.mayReplicate || command.isDenyoom)) {
        refusal = this.#writeRefusal(script, client, this.claimsOf(command, args, client))
      }
      if (refusal === undefined && this.#state.stale.holds && !command.runsWhileStale && !client.isObeyed) {
        refusal = STALE_IN_SCRIPT
      }
      if (refusal === undefined && this.#state.clustered.holds && !client.isObeyed) {
        const { isWrite } = this.claimsOf(command, args, client)
        const { redirection } = this.#host.requests
        assert(redirection !== null, 'a node of a cluster knows which node serves a slot')
        refusal = redirection.refusalInScript(client, command, args, isWrite, script.crossesSlots)
      }
    }
    if (refusal !== undefined) this.#count(command, refusal)
    return refusal
  }

  #rightsInScript(client: Client, command: Command, args: Arguments): ReplyError | undefined {
    const denial = this.#denialOf(client, command, args, 'lua')
    return denial && new ReplyError(`ERR ACL failure in script: ${describeDenial(client, command, denial)}`)
  }

  /**
   * Returns the requirements of one call of a command: its own, else those of the command's flags.
   */
  claimsOf(command: Command, args: Arguments, client: Client): Requirements {
    return command.declared?.(this.#host, args, client) ?? command
  }

  #writeRefusal(script: CallingScript, client: Client, claims: Requirements): ReplyError | undefined {
    if (script.readOnly && (claims.isWrite || claims.mayReplicate)) return WRITE_IN_READ_ONLY_SCRIPT
    // A script that has written may go on: no change is left half done.
    if (script.wrote || client.isObeyed) return undefined
    const refusal = claims.isWrite ? this.#refusalOfWrites(ERR.readOnly) : undefined
    if (refusal !== undefined) return refusal
    return claims.isDenyoom && !script.allowsOom && this.#outOfMemory ? ERR.outOfMemory : undefined
  }

  /**
   * A script, or a transaction, keeps the state of memory that was found before it began. No key is
   * evicted while it runs.
   */
  get #outOfMemory(): boolean {
    const { faults } = this.#host.upkeep
    return (this.#foundNoMemory && this.#state.memoryLimited.holds) || faults?.isOutOfMemory === true
  }

  /**
   * Returns the reason why a write that no client asks for is not allowed at this moment; undefined
   * = it is.
   */
  refusalOfWrite(): ReplyError | undefined {
    return this.#refusalOfWrites() ?? this.#refusalForMemory()
  }

  /** The reason why the disk takes no writes at present; undefined = it does. */
  get diskFailure(): ReplyError | undefined {
    const { durability } = this.#host.effects
    const { faults } = this.#host.upkeep
    if (this.#state.faulty.holds && faults?.refusalOfWrites !== undefined) return faults.refusalOfWrites
    if (this.#state.refusals.saveFailed.holds) return ERR.misconfRdb
    return this.#state.refusals.journalFailed.holds ? ERR.misconfAof(durability.progress.failure ?? '') : undefined
  }

  /**
   * Refuses a request. In a transaction, EXEC will then be refused. Returns false, as `admit` does
   * for a refusal.
   */
  refuse(client: Client, command: Command | undefined, error: ReplyError): false {
    const { replies } = this.#host.requests
    const { watches } = this.#host.data
    let told = error
    if (client.requests.transaction !== undefined) client.requests.transaction.broken = true
    if (command?.spec.duringMulti === 'executes') {
      discardTransaction(client, watches)
      told = new ReplyError(`EXECABORT Transaction discarded because of: ${error.text.replace(/^ERR /, '')}`)
    }
    this.#count(command, told)
    replies.error(told)
    return false
  }

  #count(command: Command | undefined, error: ReplyError): void {
    if (command !== undefined) command.rejected++
    this.#host.figures.stats.countError(error)
  }

  #pauseConcerns(claims: Requirements): boolean {
    return this.#host.conditions.pause.mode === 'all' || claims.isWrite || claims.mayReplicate
  }
}

function rightsChanged(reason: string): ReplyError {
  return new ReplyError(
    `NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: ${reason}`,
  )
}

function noPermission(client: Client, command: Command, denial: Denial): ReplyError {
  return new ReplyError(`NOPERM ${describeDenial(client, command, denial)}`)
}

/** An error does not name keys and channels: the client may have no right to know of them. */
function describeDenial(client: Client, command: Command, { reason }: Denial): string {
  if (reason === 'command')
    return `User ${client.identity.user.name} has no permissions to run the '${command.name}' command`
  return `No permissions to access a ${reason}`
}
