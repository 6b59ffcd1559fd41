// The engine's view of texts that the brokers of a cluster send to each other about themselves. The
// implementation stands above (src/replicated-log/broadcast).
//
// A text is not kept: each broker that listens hears it at most once, the sender included.

import type { Handlers } from '../../util/tables/handlers.ts'

export interface Broadcast {
  /** The address of this broker, `host:port`: no other broker of the cluster has it. */
  readonly address: string
  /** The name of this broker's shard. */
  readonly shard: string
  /** The longest text in bytes. */
  readonly bytesMax: number
  /** Sends a text. One that finds no way to the others is lost. */
  send(text: Uint8Array): void
  /** Called with each text. Nothing is received before the first handler is added. */
  readonly heard: Handlers<[text: Uint8Array]>
}
