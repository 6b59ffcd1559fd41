// The connection of a client: its carrier, the origin of its commands, and its end.

import type { Origin, Transport } from './transport.ts'

export class ClientConnection {
  readonly transport: Transport
  readonly origin: Origin
  /** Its commands have happened already: its client is obeyed without checks. */
  readonly isObeyed: boolean
  readonly createdMs: number
  /** It is gone: no reply may be sent and no command run for its client any more. */
  closed = false
  /** It ends when the present replies are sent. */
  closing = false
  /** `maxmemory-clients` does not close it (CLIENT NO-EVICT). */
  noEvict = false

  constructor(transport: Transport, origin: Origin, nowMs: number) {
    this.transport = transport
    this.origin = origin
    this.isObeyed = origin === 'replay' || origin === 'primary'
    this.createdMs = nowMs
  }
}
