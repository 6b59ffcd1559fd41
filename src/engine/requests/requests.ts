// Incoming requests: bytes become commands, one after the other, until their client has to wait.

import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { ProtocolError, QueryBufferOverflow } from '../../protocol/request-parser.ts'
import { assert } from '../../util/assert.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { CLIENT_FOR_ONE_REQUEST, CLIENT_MUTED, type Client } from '../clients/client.ts'
import { endSkip } from '../clients/reply-mode.ts'
import type { Stats } from '../figures/stats.ts'
import type { Log } from '../log.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import type { Dispatch } from './dispatch.ts'
import type { Runner } from './runner.ts'

export interface RequestsHost {
  readonly environment: {
    readonly unitClock: UnitClock
    readonly log: Log
    later(run: () => void): void
  }
  readonly figures: {
    readonly stats: Stats
  }
  readonly clients: {
    readonly connected: { close(client: Client, when: 'flushed' | 'now'): void }
    readonly memory: { note(client: Client): boolean }
  }
}

/** Bytes that came from a client while a command ran. */
interface Late {
  readonly client: Client
  readonly bytes: Buffer
}

/** The parts of the same room, which were made before. */
interface Siblings {
  readonly dispatch: Dispatch
  readonly replies: ReplyBuffer
  readonly runner: Runner
  readonly turn: { take(): boolean; end(): void }
}

export class Requests {
  readonly #host: RequestsHost
  readonly #room: Siblings
  // Read for every piece of input: one property hop less for each.
  readonly #clientMemory: { note(client: Client): boolean }
  readonly #unitClock: UnitClock
  readonly #stats: Stats
  /** In order of arrival. Bytes that come before these have run are put behind them. */
  #late: Late[] = []
  readonly #receiveLate = (): void => {
    const late = this.#late
    this.#late = []
    for (const { client, bytes } of late) this.#take(client, new Source(bytes), 0, bytes.length, false)
  }

  constructor(host: RequestsHost, room: Siblings) {
    this.#host = host
    this.#room = room
    this.#clientMemory = host.clients.memory
    this.#unitClock = host.environment.unitClock
    this.#stats = host.figures.stats
  }

  /** True while requests that came during a command are still to be run. */
  get isBehind(): boolean {
    return this.#late.length > 0
  }

  /**
   * Takes bytes [start, end) that came from a client; the buffer may be reused afterwards. With
   * `alone`, the turn ends with them.
   *
   * The log of an embedding program is called while a command runs, and may call the broker in
   * turn. Those requests run when the command is over.
   */
  receive(client: Client, source: Source, start: number, end: number, alone: boolean): void {
    if (this.#room.replies.isOpen || this.#late.length > 0) {
      if (this.#late.push({ client, bytes: Buffer.from(source.u8.subarray(start, end)) }) === 1)
        this.#host.environment.later(this.#receiveLate)
      return
    }
    this.#take(client, source, start, end, alone)
  }

  #take(client: Client, source: Source, start: number, end: number, alone: boolean): void {
    if (client.connection.closed || client.connection.closing) return
    const { replies, runner, turn } = this.#room
    if (CHECKED) assert(start <= end && end <= source.u8.length, 'the bytes of a client lie within their buffer')
    const stats = this.#stats
    const ends = alone && turn.take()
    client.activity.lastActiveMs = this.#unitClock.renew()
    stats.readsProcessed++
    stats.inputBytes += end - start
    runner.timeNext()
    replies.open(client)
    try {
      client.feed(source, start, end)
    } catch (error) {
      this.refuse(client, error)
    }
    replies.close()
    if (CHECKED) checkPending(client)
    // The rest of a large request may be read in this turn, too, and would run. The client is
    // closed before.
    const isTooMuch = client.requestBytes !== client.bytes.countedRequests && this.#clientMemory.note(client)
    if (ends || isTooMuch || replies.halfFull) turn.end()
  }

  /** Runs the requests of a client that had to wait. */
  resume(client: Client): void {
    // A postponed request is resumed by the part that has postponed it (postponed.ts).
    client.paused = false
    if (client.halted) return
    const { dispatch, replies, runner } = this.#room
    this.#unitClock.pass()
    runner.timeNext()
    replies.open(client)
    try {
      const {
        requests: { postponed: postponedRequest },
      } = client
      client.requests.postponed = undefined
      if (postponedRequest !== undefined) {
        dispatch.execute(client, postponedRequest)
      } else {
        // The command that the client waited in has replied. CLIENT REPLY SKIP, CLIENT CACHING and
        // ASKING end with it.
        if (client.output.replyMode === 'skipping') endSkip(client)
        client.state &= ~CLIENT_FOR_ONE_REQUEST
      }
      client.requests.parser.resume(client)
    } catch (error) {
      this.refuse(client, error)
    }
    replies.close()
    if (client.requestBytes !== client.bytes.countedRequests) this.#clientMemory.note(client)
  }

  /**
   * Refuses the postponed request of a client, if it might write. The request will not run in any
   * case.
   */
  refusePostponed(client: Client, error: ReplyError): void {
    const {
      requests: { postponed: postponedRequest },
    } = client
    if (postponedRequest === undefined) return
    client.requests.postponed = undefined
    this.#room.dispatch.refuseWrite(client, postponedRequest, error)
  }

  /** Replies to bytes that cannot be parsed, and closes the connection. */
  refuse(client: Client, error: unknown): void {
    const { connected: clients } = this.#host.clients
    const { log } = this.#host.environment
    const { replies } = this.#room
    if (error instanceof ProtocolError) {
      log.debug({ client: client.connection.transport.address, error: error.message }, 'protocol error from client')
      if ((client.state & CLIENT_MUTED) === 0) replies.error(ERR.of(`Protocol error: ${error.message}`))
      client.requests.parser.reset()
      clients.close(client, 'flushed')
    } else if (error instanceof QueryBufferOverflow) {
      log.warn({ client: client.connection.transport.address }, 'closing client that reached max query buffer length')
      clients.close(client, 'now')
    } else {
      throw error
    }
  }
}

function checkPending(client: Client): void {
  const isBounded = client.halted || client.requests.parser.pendingBytes <= Math.max(0, client.queryBufferBytesMax)
  assert(isBounded, 'invariant 8: the unread bytes of a client are bounded')
}
