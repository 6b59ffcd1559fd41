// What somebody says who opens a log that etcd keeps. Plain data: it goes to another thread.

export interface EtcdOptions {
  /** `http://host:port` or `https://`, all members: which of them answers is found out. */
  readonly endpoints: readonly string[]
  /** What the keys of this log begin with. */
  readonly prefix: string
  readonly user?: string
  readonly password?: string
  /** Files in PEM. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string }
  /** `development` takes an etcd of one member. It loses the log with its disk. */
  readonly safety: 'required' | 'development'
}
