// The carriers of a client's bytes, as sockets and callers in the process implement them.

/**
 * The carrier of a client's bytes: a socket, a stream in this process, or nothing (journal replay).
 */
export interface Transport {
  /** `in-process` is memory alone. */
  readonly kind: 'tcp' | 'unix' | 'in-process'
  /** `ip:port`, a unix socket's path with `:0`, or a word for callers in the process. */
  readonly address: string
  readonly localAddress: string
  /** True for TLS. */
  readonly isEncrypted?: boolean
  /** File descriptor, -1 when there is none (CLIENT LIST). */
  readonly descriptor: number
  /** Bytes taken but not yet passed on. */
  readonly backlogBytes: number
  /**
   * Sends as much of [start, end) of a buffer as can leave at once, and keeps none of it; returns
   * the number of bytes. Absent in a transport that takes all bytes by `write`. Most replies leave
   * this way: the view that `write` needs is a third of all that a small request allocates.
   */
  writeNow?(bytes: Buffer, start: number, end: number): number
  /**
   * Takes bytes. Returns true when they are gone, false while the transport still holds `bytes`
   * itself, which must not change then.
   */
  write(bytes: Buffer): boolean
  /**
   * Calls `tell` once, when all written bytes have been passed on. Absent where they always are at
   * once.
   */
  whenDrained?(tell: () => void): void
  /**
   * Makes the system gather small writes into larger packets, which arrive a little later. Absent
   * where there are no packets.
   */
  gatherSmallWrites?(): void
  /** Ends the connection: after the written bytes have left, or at once. */
  close(when: 'flushed' | 'now'): void
}

/**
 * The source of a client's commands. `client` asks, and `internal` asks from within this program,
 * without authentication. `replay` (the journal) and `primary` report changes that have happened,
 * so they are obeyed without checks. Replayed commands are not propagated again.
 */
export type Origin = 'client' | 'replay' | 'primary' | 'internal'
