// A connection to another server, a primary or the target of MIGRATE, as this folder sees it: bytes
// in both directions. The dialler owns the sockets.

export interface Connection {
  /** `ip:port` of the other end and of this end. */
  readonly address: string
  readonly localAddress: string
  /** The file descriptor; -1 when there is none (CLIENT LIST). */
  readonly descriptor: number
  /**
   * Writes latin1 text, or bytes, which belong to the connection from then on. `written` is called
   * when the system has taken them, unless the connection ends before.
   */
  write(data: string | Buffer, written?: () => void): void
  /** Stops reading until `resume`; meanwhile the system buffers what the other side sends. */
  pause(): void
  resume(): void
  /** Ends the connection; its listener is called no more. */
  close(): void
}

/** Receives the events of a connection. None arrives before `dial` has returned. */
export interface ConnectionListener {
  connected(): void
  /** The bytes belong to the listener. */
  received(bytes: Buffer): void
  /**
   * The connection failed or ended; `reason` is the system's text. Called once, as the last event.
   */
  ended(reason: string): void
}

/** The address of another server. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** The kind of server at the other end: each kind has its own setting for TLS. */
export type Destination = 'primary' | 'target'

/** Starts a connection. */
export type Dial = (to: Address, listener: ConnectionListener, destination: Destination) => Connection
