// Options of a log in JetStream. Plain data, so they can be sent to another thread.

export interface JetStreamOptions {
  /** `nats://host:port` or `tls://`. One server that answers is enough; it names the others. */
  readonly servers: readonly string[]
  /** The name of the stream: no spaces, and none of `. * > / \`. */
  readonly stream: string
  readonly user?: string
  readonly password?: string
  readonly token?: string
  /** A credentials file as `nsc` writes it, with a JWT and a seed. */
  readonly credentialsFile?: string
  /** PEM files. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string }
  /**
   * What to do when the stream does not exist. Use `refuse` when it must exist: a new stream would
   * hide that the old one was lost.
   */
  readonly missing: 'create' | 'refuse'
  /** The number of servers that keep a new stream. */
  readonly replicas: 1 | 3 | 5
  /** The size limit of a new stream on each server. */
  readonly bytesMax: number
  /**
   * `development` accepts one replica, and servers that may not sync. The log does not survive a
   * power cut then. /
   */
  readonly safety: 'required' | 'development'
}
