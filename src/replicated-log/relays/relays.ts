// After a planned handover: the clients of the old leader, until they have moved to the new one.
//
//   kept ──the next leader is known──▶ served there ──idle, moved, or too late──▶ closed
//     └──no next leader in time──▶ refused (READONLY) and closed
//
// The old leader runs none of their requests for data: those wait until the next leader is known,
// and are sent there, one at a time for each client, so their order is kept. A client that is told
// of maintenance (MOVING) stays until it closes its connection, or until RELAY_MS_MAX has passed.
// Every other client is closed as soon as it waits for no reply: its library then looks for the
// leader, as after every handover, and has no command whose outcome it does not know.
//
// A command that may wait for data (BLPOP) is not sent on: the connection is closed without it, and
// it has not been run. A queue of MULTI is sent on as a whole by EXEC. If the connection to the new
// leader breaks while a request is under way, its client is closed without a reply.

import {
  CLIENT_MONITOR,
  CLIENT_MULTI,
  CLIENT_MUTED,
  CLIENT_RELAYED,
  CLIENT_REPLICA,
  type Client,
} from '../../engine/clients/client.ts'
import { MOVING_SECONDS } from '../../engine/clients/maintenance.ts'
import { PostponedClients } from '../../engine/conditions/postponed.ts'
import type { Engine } from '../../engine/engine.ts'
import { RequestRelay } from '../../engine/requests/request-relay.ts'
import { discardTransaction, transactionOf } from '../../engine/requests/transaction.ts'
import type { Command, Requirements } from '../../engine/spec/command.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR, ReplyError } from '../../protocol/errors.ts'
import { RequestWriter } from '../../protocol/request-writer.ts'
import type { Address, Dial } from '../../replication/connection.ts'
import { assert } from '../../util/assert.ts'
import { Source } from '../../util/bytes/bytes.ts'
import type { Timer } from '../../util/time/clock.ts'
import type { EpochNote } from '../record.ts'
import { RelayedConnection } from './relayed-connection.ts'

/** Requests are sent on for this long after the next leader is known. */
const RELAY_MS_MAX = 2000
/** A request under way may take this much longer; then its client is closed without a reply. */
const LAST_REPLY_MS_MAX = 1000
const TRANSACTION_REFUSED = new ReplyError(`EXECABORT Transaction discarded because of: ${ERR.readOnly.text}`)
/** Enough for most requests. */
const REQUEST_BYTES = 1024

export class Relays extends RequestRelay {
  readonly #engine: Engine
  readonly #dial: Dial
  readonly #kept = new Set<Client>()
  readonly #connections = new Map<Client, RelayedConnection>()
  /** The refusal of the last request of each client, if it was not run; undefined for a read. */
  readonly #refusals = new Map<Client, ReplyError | undefined>()
  /** Clients whose request waits until the next leader is known. */
  readonly #waiting: PostponedClients
  #target: (Address & { readonly key: string }) | undefined = undefined
  /** The time is over: clients are closed once they wait for no reply. */
  #isLate = false
  #timer: Timer | undefined = undefined
  #done: (() => void) | undefined = undefined

  constructor(engine: Engine, dial: Dial) {
    super()
    this.#engine = engine
    this.#dial = dial
    this.#waiting = new PostponedClients(engine)
    engine.clients.connected.gone.add((client) => {
      if (this.#kept.has(client)) this.#drop(client)
    })
  }

  /** The number of clients that are kept. */
  get size(): number {
    return this.#kept.size
  }

  /** Keeps a client, if its requests can be sent on; else returns false. */
  keep(client: Client): boolean {
    const { maintenance, tracking } = this.#engine.clients
    if (client.connection.closing || client.connection.closed) return false
    if ((client.state & (CLIENT_MONITOR | CLIENT_REPLICA)) !== 0) return false
    // The new leader does not know which keys the client has cached.
    if (tracking.trackerOf(client) !== undefined) return false
    // It is told where to go, but its messages come from this node alone.
    if (client.subscriptions.size > 0 && !maintenance.has(client)) return false
    this.#kept.add(client)
    client.state |= CLIENT_RELAYED
    client.requests.relay = this
    return true
  }

  /** This node leads again: it runs the requests itself. */
  release(): void {
    for (const client of [...this.#kept]) this.#forget(client)
    this.#waiting.resume()
  }

  /** There is no next leader. Returns the clients, whose postponed requests are to be refused. */
  giveUp(): Client[] {
    const clients = [...this.#kept]
    for (const client of clients) this.#forget(client)
    return clients
  }

  /** Sends requests on to that node. The result is fulfilled when no client is left. */
  begin({ address, relayKey = '' }: EpochNote): Promise<void> {
    const { maintenance } = this.#engine.clients
    const { workClock } = this.#engine.environment
    const colon = address.lastIndexOf(':')
    this.#target = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)), key: relayKey }
    this.#isLate = false
    maintenance.announce({ type: 'MOVING', seconds: MOVING_SECONDS, endpoint: address })
    const done = new Promise<void>((resolve) => {
      this.#done = resolve
    })
    this.#timer = workClock.after(RELAY_MS_MAX, () => this.#late())
    this.#waiting.resume()
    for (const client of [...this.#kept]) this.#settle(client)
    return done
  }

  // ── requests ─────────────────────────────────────────────────────────────

  take(client: Client, command: Command, args: Arguments, claims: Requirements): boolean {
    const transaction = command.spec.duringMulti === 'executes' ? transactionOf(client) : undefined
    if (command.spec.duringMulti === 'executes') {
      // There is nothing to run.
      if (transaction === undefined || transaction.broken) return false
    } else if (!concernsData(command, claims)) return false
    if (this.#target === undefined) {
      this.#waiting.add(client, args)
      return true
    }
    if (transaction === undefined && (command.flags.has('blocking') || command.spec.mayWait === true)) {
      this.#close(client)
      return true
    }
    let connection = this.#connections.get(client)
    if (connection === undefined) {
      const isNew = new RelayedConnection(
        this.#engine.environment.workClock,
        this.#dial,
        this.#target,
        this.#target.key,
        {
          answered: (reply) => this.#answered(client, reply),
          failed: (isRunning) => this.#failed(client, isRunning),
        },
      )
      connection = isNew
      this.#connections.set(client, connection)
    }
    client.paused = true
    const isWrite = claims.isWrite || claims.mayReplicate
    this.#refusals.set(client, transaction !== undefined ? TRANSACTION_REFUSED : isWrite ? ERR.readOnly : undefined)
    const writer = new RequestWriter(REQUEST_BYTES)
    writer.request(args)
    const request = writer.u8.subarray(0, writer.length)
    if (transaction === undefined) {
      connection.send(client, request)
    } else {
      const queue = new RequestWriter(REQUEST_BYTES)
      queue.command(['MULTI'])
      for (const queued of transaction.queue) queue.request(queued.args)
      connection.send(client, request, {
        requests: queue.u8.subarray(0, queue.length),
        replies: transaction.queue.length + 1,
      })
      discardTransaction(client, this.#engine.data.watches)
    }
    return true
  }

  #answered(client: Client, reply: Buffer): void {
    const { environment, requests } = this.#engine
    assert(client.paused && !client.connection.closed, 'a client whose request is sent on waits for its reply')
    if ((client.state & CLIENT_MUTED) === 0) client.deliver(new Source(reply), 0, reply.length)
    requests.turn.resumeSoon(client)
    // The requests behind it run first.
    environment.later(() => this.#settle(client))
  }

  /** The connection to the leader failed. A request that may be running there gets no reply. */
  #failed(client: Client, isRunning: boolean): void {
    const { connected } = this.#engine.clients
    if (isRunning) {
      connected.close(client, 'now')
      return
    }
    const refusal = client.paused ? this.#refusals.get(client) : undefined
    if (refusal !== undefined) this.#engine.requests.dispatch.replyTo(client, (reply) => reply.error(refusal))
    this.#close(client)
  }

  // ── the end ──────────────────────────────────────────────────────────────

  /** Closes a client that has nothing more to wait for. */
  #settle(client: Client): void {
    if (!this.#kept.has(client) || client.paused) return
    const isBetween = client.requests.parser.pendingBytes === 0 && (client.state & CLIENT_MULTI) === 0
    const stays = !isBetween || this.#engine.clients.maintenance.has(client)
    if (this.#isLate || !stays) this.#close(client)
  }

  #late(): void {
    const { workClock } = this.#engine.environment
    if (this.#isLate) {
      for (const client of [...this.#kept]) this.#engine.clients.connected.close(client, 'now')
      return
    }
    this.#isLate = true
    for (const client of [...this.#kept]) this.#settle(client)
    if (this.#kept.size > 0) this.#timer = workClock.after(LAST_REPLY_MS_MAX, () => this.#late())
  }

  #close(client: Client): void {
    this.#drop(client)
    this.#engine.clients.connected.close(client, 'flushed')
  }

  #drop(client: Client): void {
    this.#forget(client)
    if (this.#kept.size > 0) return
    this.#timer?.cancel()
    this.#target = undefined
    this.#done?.()
    this.#done = undefined
  }

  /** Ends the part of a client. The request that it may have postponed stays. */
  #forget(client: Client): void {
    this.#connections.get(client)?.close()
    this.#connections.delete(client)
    this.#refusals.delete(client)
    this.#kept.delete(client)
    client.state &= ~CLIENT_RELAYED
    client.requests.relay = undefined
    if (client.connection.closed) this.#waiting.forget(client)
  }
}

/** Tells if a request reads or changes data, or watches it. */
function concernsData({ isReadonly, name, spec }: Command, { isWrite, mayReplicate }: Requirements): boolean {
  return isWrite || mayReplicate || isReadonly || spec.group === 'scripting' || name === 'watch' || name === 'unwatch'
}
