// A connection to a primary, as this folder sees it: bytes in both directions. Sockets are the business of whoever dials.

export interface Connection {
  /** `ip:port` of the other end and of this one. */
  readonly address: string
  readonly localAddress: string
  /** File descriptor, -1 when there is none (CLIENT LIST). */
  readonly descriptor: number
  write(text: string): void
  /** Reads no more, until `resume`: what the other side sends waits with the system. */
  pause(): void
  resume(): void
  /** Ends it; its listener hears nothing any more. */
  close(): void
}

/** Who is told of a connection. Nothing is told before `dial` has returned. */
export interface ConnectionListener {
  connected(): void
  /** The bytes are the listener's to keep. */
  received(bytes: Buffer): void
  /** It could not be made, or is over; `reason` is in the words of the system. Told once, and the last. */
  ended(reason: string): void
}

/** Where a primary is. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Begins a connection. */
export type Dial = (to: Address, listener: ConnectionListener) => Connection
