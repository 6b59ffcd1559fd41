// What somebody says who opens a log that JetStream keeps. Plain data: it goes to another thread.

export interface JetStreamOptions {
  /** `nats://host:port`, or `tls://`; one that answers is enough, it names the others. */
  readonly servers: readonly string[]
  /** The stream. Names of streams have no spaces and none of `. * > / \`. */
  readonly stream: string
  readonly user?: string
  readonly password?: string
  readonly token?: string
  /** A file as `nsc` writes it, with a JWT and a seed. */
  readonly credentialsFile?: string
  /** Files in PEM. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string }
  /** What is done where the stream is not there. Who expects one refuses: a new one would hide that the old one was lost. */
  readonly missing: 'create' | 'refuse'
  /** Servers that keep a stream that is created. */
  readonly replicas: 1 | 3 | 5
  /** What a stream that is created may take on each server. */
  readonly bytesMax: number
  /** `development` takes one replica, and servers that are not known to sync. It keeps nothing when power fails. */
  readonly safety: 'required' | 'development'
}
