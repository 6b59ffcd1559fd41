// MULTI: commands queued until EXEC.

import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import { CopySpace } from '../../util/bytes/copy-space.ts'
import { CLIENT_MULTI, type Client } from '../clients/client.ts'
import type { OpenTransaction } from '../clients/client-requests.ts'
import type { Watches } from '../data/watches.ts'
import type { Command, Requirements } from '../spec/command.ts'
import type { RequirementsHost } from '../spec/command-spec.ts'

/**
 * Bytes of a queued command besides its arguments, and bytes of each argument besides its content.
 */
const QUEUED_BYTES = 160
const ARGUMENT_BYTES = 72

/** A command waiting for EXEC, with arguments of its own. */
export interface QueuedCommand {
  readonly command: Command
  readonly args: Arguments
}

/** The commands that a client has queued since MULTI. */
export class Transaction implements OpenTransaction, Requirements {
  readonly queue: QueuedCommand[] = []
  /** A command was refused while it was to be queued: EXEC will be refused. */
  broken = false
  /** One of the queued commands may use memory: EXEC is refused when there is none. */
  isDenyoom = false
  isWrite = false
  /** Bytes of the queued arguments. */
  bytes = 0
  /**
   * As `isWrite`, with commands that only may have effects elsewhere (PUBLISH): CLIENT PAUSE then
   * postpones EXEC.
   */
  mayReplicate = false
  /** Bytes of the queue: its arguments, and the objects that stand for them. */
  memoryBytes = 0
  /** None of the queued commands needs data. */
  runsWhileLoading = true
  /** All of the queued commands run on data that is out of date. */
  runsWhileStale = true
  readonly #space = new CopySpace()

  add(command: Command, args: Arguments, claims: Requirements = command): void {
    // EXEC will be refused, so the command need not be kept.
    if (this.broken) return
    const { contentBytes } = args
    this.bytes += contentBytes
    this.memoryBytes += contentBytes + QUEUED_BYTES + args.length * ARGUMENT_BYTES
    this.queue.push({ command, args: args.copy(this.#space) })
    this.#claim(claims)
  }

  /**
   * Adds the present requirements of the queued commands to EXEC's: a rule may ask for more than
   * when they were queued. Scripts are left out, because Redis checks each of them when it runs.
   */
  review(host: RequirementsHost, client: Client): this {
    for (const { args, command } of this.queue) {
      if (command.spec.group === 'scripting') continue
      const claims = command.declared?.(host, args, client)
      if (claims !== undefined) this.#claim(claims)
    }
    return this
  }

  #claim(claims: Requirements): void {
    if (claims.isDenyoom) this.isDenyoom = true
    if (claims.isWrite) this.isWrite = true
    if (claims.isWrite || claims.mayReplicate) this.mayReplicate = true
    if (!claims.runsWhileLoading) this.runsWhileLoading = false
    if (!claims.runsWhileStale) this.runsWhileStale = false
  }
}

/** Returns the transaction of a client; undefined outside of MULTI. */
export function transactionOf({ requests: { transaction } }: Client): Transaction | undefined {
  if (transaction === undefined) return undefined
  assert(transaction instanceof Transaction, 'MULTI alone begins transactions')
  return transaction
}

/** Returns the transaction of a client that is in MULTI. */
export function openTransactionOf(client: Client): Transaction {
  const transaction = transactionOf(client)
  assert(transaction !== undefined, 'a client in MULTI has a transaction')
  return transaction
}

/** Ends a transaction without running it, and removes the client's watches. */
export function discardTransaction(client: Client, watches: Watches): void {
  client.requests.transaction = undefined
  client.state &= ~CLIENT_MULTI
  watches.clear(client.watched)
}
