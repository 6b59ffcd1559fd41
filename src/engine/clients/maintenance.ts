// Maintenance notifications: clients that asked for them (CLIENT MAINT_NOTIFICATIONS ON) are told
// what is about to happen to their connections, as pushes of RESP3.
//
//   FAILING_OVER  sequence seconds             another node takes over; replies may take longer
//   FAILED_OVER   sequence                     that is over
//   MIGRATING     sequence seconds             keys leave this server by MIGRATE
//   MIGRATED      sequence                     that is over
//   MOVING        sequence seconds host:port   connect there within this time; null = to the same address
//   SMIGRATING    sequence slots               slots leave this node; slots as `1,5-9`
//   SMIGRATED     sequence [[from, to, slots]] they have left, each row from one node to another
//
// A sequence is a time in milliseconds, counted on where two come within one. So it grows across
// restarts, and two nodes rarely give the same one: clients drop a notice whose sequence they have
// seen. `docs/decisions/0074-maintenance-notifications.md` has what each client does.

import { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { assert } from '../../util/assert.ts'
import type { Clock } from '../../util/time/clock.ts'
import { CLIENT_MUTED, type Client } from './client.ts'

/** Slots that moved from one node to another; both as `host:port`. */
export type MovedSlots = readonly [from: string, to: string, slots: string]

export type MaintenanceNotice =
  | { readonly type: 'FAILING_OVER' | 'MIGRATING'; readonly seconds: number }
  | { readonly type: 'FAILED_OVER' | 'MIGRATED' }
  | { readonly type: 'MOVING'; readonly seconds: number; readonly endpoint: string }
  | { readonly type: 'SMIGRATING'; readonly slots: string }
  | { readonly type: 'SMIGRATED'; readonly moves: readonly MovedSlots[] }

/** The addresses that a client can use in MOVING; every broker has one address, so `none` alone differs. */
export const MOVING_ENDPOINT_TYPES = ['internal-ip', 'internal-fqdn', 'external-ip', 'external-fqdn', 'none'] as const
export type MovingEndpointType = (typeof MOVING_ENDPOINT_TYPES)[number]

/**
 * The time in MOVING to the leader of a replicated log. Lettuce goes to the address of the notice, not
 * to that which Sentinels name, at each connect within it. It ends before another node can take over
 * (replicated-log/timing.ts): else a client whose new leader dies may come back to that broker, started
 * again as a follower, and hear READONLY there.
 */
export const MOVING_SECONDS = 1

/** The shards of a notice, as a JSON list: a broker has one. Lettuce refuses notices without it. */
const SHARDS = '["1"]'
/** Bytes for the frames of a notice, without its texts. */
const FRAME_BYTES_MAX = 128

export interface MaintenanceHost {
  readonly environment: { readonly clock: Clock }
}

export class Maintenance {
  readonly #host: MaintenanceHost
  readonly #clients = new Map<Client, MovingEndpointType>()
  /** Clients that were sent to the leader because they wrote here. */
  readonly #sentAway = new Set<Client>()
  /** Undefined until the first notice is made. */
  #buffer: ReplyBuffer | undefined = undefined
  #used = false
  #sequence = 0

  constructor(host: MaintenanceHost) {
    this.#host = host
  }

  /** The number of clients that are told. */
  get size(): number {
    return this.#clients.size
  }

  has(client: Client): boolean {
    return this.#clients.has(client)
  }

  add(client: Client, endpointType: MovingEndpointType): void {
    this.#clients.set(client, endpointType)
  }

  /** Removes a client that is gone, or wants no notices any more. */
  remove(client: Client): void {
    this.#clients.delete(client)
    this.#sentAway.delete(client)
  }

  /** Tells all clients that asked for it. */
  announce(notice: MaintenanceNotice): void {
    if (this.#clients.size === 0) return
    this.#renewSequence()
    for (const [client, endpointType] of this.#clients) this.#tell(client, endpointType, notice)
  }

  /**
   * Sends a client that asked for notices to the leader, because it wants to write here. A library
   * that does not ask a server for its role (Lettuce) would stay here for ever, if it was told an old
   * address. Each connection hears it once, and not while the leader is unknown (`endpoint` is empty).
   */
  sendAway(client: Client, endpoint: string): void {
    const endpointType = this.#clients.get(client)
    // Without an address it would come back to this node.
    if (endpointType === undefined || endpointType === 'none' || endpoint === '' || this.#sentAway.has(client)) return
    this.#sentAway.add(client)
    this.#renewSequence()
    this.#tell(client, endpointType, { type: 'MOVING', seconds: MOVING_SECONDS, endpoint })
  }

  #renewSequence(): void {
    this.#sequence = Math.max(this.#sequence + 1, Math.floor(this.#host.environment.clock.now()))
  }

  #tell(client: Client, endpointType: MovingEndpointType, notice: MaintenanceNotice): void {
    // A client that has gone back to RESP2 cannot tell a push from a reply.
    if (client.protocol !== 3 || (client.state & CLIENT_MUTED) !== 0) return
    const { end, source, start } = this.#encode(notice, endpointType === 'none')
    client.deliver(source, start, end)
  }

  #encode(
    notice: MaintenanceNotice,
    withoutEndpoint: boolean,
  ): { source: ReplyBuffer['source']; start: number; end: number } {
    this.#buffer ??= new ReplyBuffer()
    const buffer = this.#buffer
    this.#used = true
    buffer.setProtocol(3)
    buffer.reserve(bytesMax(notice))
    const { position: start, source } = buffer
    switch (notice.type) {
      case 'FAILING_OVER':
      case 'MIGRATING':
        this.#head(buffer, 4, notice)
        buffer.integer(notice.seconds)
        buffer.text(SHARDS)
        break
      case 'FAILED_OVER':
      case 'MIGRATED':
        this.#head(buffer, 3, notice)
        buffer.text(SHARDS)
        break
      case 'MOVING':
        this.#head(buffer, 4, notice)
        buffer.integer(notice.seconds)
        if (withoutEndpoint) buffer.nil()
        else buffer.text(notice.endpoint)
        break
      case 'SMIGRATING':
        this.#head(buffer, 3, notice)
        buffer.text(notice.slots)
        break
      case 'SMIGRATED':
        this.#head(buffer, 3, notice)
        buffer.array(notice.moves.length)
        for (const move of notice.moves) {
          buffer.array(move.length)
          for (const text of move) buffer.text(text)
        }
        break
    }
    assert(buffer.source === source, 'a notice lies in one piece')
    return { source, start, end: buffer.position }
  }

  #head(buffer: ReplyBuffer, length: number, { type }: MaintenanceNotice): void {
    buffer.push(length)
    buffer.text(type)
    buffer.integer(this.#sequence)
  }

  /** Reuses the memory of the notices: all of them have left. */
  recycle(): void {
    if (this.#used) this.#buffer!.recycle()
    this.#used = false
  }

  /**
   * Gives the memory of the notices up, because a client still holds some. New ones are written
   * elsewhere.
   */
  abandon(): void {
    if (this.#used) this.#buffer!.abandon()
    this.#used = false
  }
}

function bytesMax(notice: MaintenanceNotice): number {
  if (notice.type === 'MOVING') return FRAME_BYTES_MAX + notice.endpoint.length
  if (notice.type === 'SMIGRATING') return FRAME_BYTES_MAX + notice.slots.length
  let bytes = FRAME_BYTES_MAX
  if (notice.type === 'SMIGRATED')
    for (const move of notice.moves) for (const text of move) bytes += FRAME_BYTES_MAX + text.length
  return bytes
}
