// A connection to another server, a primary or the target of MIGRATE, as this folder sees it: bytes in both directions. Sockets are the business of whoever dials.

export interface Connection {
  /** `ip:port` of the other end and of this one. */
  readonly address: string
  readonly localAddress: string
  /** File descriptor, -1 when there is none (CLIENT LIST). */
  readonly descriptor: number
  /** Text is latin1; bytes are the connection's from then on. `written` is called when the system has taken them, unless the connection ends before. */
  write(data: string | Buffer, written?: () => void): void
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

/** Where another server is. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Whom a connection leads to: each has a setting that says whether TLS is spoken. */
export type Destination = 'primary' | 'target'

/** Begins a connection. */
export type Dial = (to: Address, listener: ConnectionListener, destination: Destination) => Connection
