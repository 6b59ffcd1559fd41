// The engine's view of the program around it: a server, or nothing where the engine is embedded.

import type { Bytes } from '../util/bytes/bytes.ts'
import type { BusyListener } from './requests/script-runner.ts'

export interface ShutdownOptions {
  /** Whether a snapshot is made first: `default` = if there are save points. */
  save: 'default' | 'save' | 'nosave'
  now: boolean
  /** Goes on although a snapshot cannot be made. */
  force: boolean
}

export interface HostDescription {
  /** 0 = none. */
  readonly tcpPort: number
  /** 0 = none. */
  readonly tlsPort: number
  /** There was a port once, of plain TCP or of TLS, and CONFIG SET has closed it. Default: no. */
  readonly hasClosedTcp?: boolean
  readonly hasClosedTls?: boolean
  /** Empty = none. */
  readonly unixSocket: string
  /** Empty = started without one. */
  readonly configFile: string
  readonly executable: string
  /** How long replicas may still take to catch up before it ends; undefined while it is not about to end. */
  readonly endsInMs?: number
  /** The service manager that is told how the server is. */
  readonly supervisor: 'systemd' | 'upstart' | 'no'
}

/** What the program around the engine does when a command asks for it. */
export interface EngineHost {
  /** SHUTDOWN; undefined where there is nothing to shut down. `refused` is called when it does not come to that. */
  shutdown?(options: ShutdownOptions, refused: () => void): void
  /** SHUTDOWN ABORT: gives up a shutdown that waits for replicas; false when there is none. */
  abortShutdown?(): boolean
  /** CONFIG REWRITE: the file to write, undefined when started without one. */
  configFile?: string
  /** Hears clients while a script runs for long; undefined where it is impossible. */
  whileBusy?: BusyListener
  /** Says which port and files it serves, and who supervises it, for INFO. */
  describe?(): HostDescription
}

/** Where messages are kept (channels/), as the engine sees it. */
export interface KeptChannels {
  /** Tells whether messages are kept, or wait to be published. */
  readonly holdsData: boolean
  /** Bytes of what it knows of channels, besides the data and the clients. */
  readonly bytes: number
  /** Tells whether a key of database 0 holds what a kept channel consists of. */
  ownsKey(key: Bytes): boolean
  /** The data has become another: what is known of it is looked up anew. */
  contentsChanged(): void
  stop(): void
}
