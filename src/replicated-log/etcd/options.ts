// Options of a log in etcd. Plain data, so they can be sent to another thread.

export interface EtcdOptions {
  /** `http://host:port` or `https://`, of all members; the gateway finds one that answers. */
  readonly endpoints: readonly string[]
  /** The prefix of this log's keys. */
  readonly prefix: string
  readonly user?: string
  readonly password?: string
  /** PEM files. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string }
  /** `development` accepts an etcd of one member, which loses the log with its disk. */
  readonly safety: 'required' | 'development'
}
