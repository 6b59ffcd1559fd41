// The engine's view of the program around it: a server, or nothing where the engine is embedded.

import type { Bytes } from '../util/bytes/bytes.ts'
import type { BusyListener } from './requests/script-runner.ts'

export interface ShutdownOptions {
  /** Says if a snapshot is made first. `default`: if there are save points. */
  save: 'default' | 'save' | 'nosave'
  now: boolean
  /** The server ends even when a snapshot cannot be made. */
  force: boolean
}

export interface HostDescription {
  /** 0 = none. */
  readonly tcpPort: number
  /** 0 = none. */
  readonly tlsPort: number
  /** CONFIG SET has closed a port that was open: of plain TCP, or of TLS. Default: false. */
  readonly hasClosedTcp?: boolean
  readonly hasClosedTls?: boolean
  /** Empty = none. */
  readonly unixSocket: string
  /** Empty = started without one. */
  readonly configFile: string
  readonly executable: string
  /**
   * Milliseconds that replicas still have to catch up before the server ends; undefined unless it
   * is about to end.
   */
  readonly endsInMs?: number
  /** The service manager that the server reports its state to. */
  readonly supervisor: 'systemd' | 'upstart' | 'no'
}

/** The things that commands ask of the program around the engine. */
export interface EngineHost {
  /**
   * SHUTDOWN; undefined where there is nothing to shut down. Calls `refused` when the shutdown is
   * given up.
   */
  shutdown?(options: ShutdownOptions, refused: () => void): void
  /** SHUTDOWN ABORT: gives up a shutdown that waits for replicas; false when there is none. */
  abortShutdown?(): boolean
  /** CONFIG REWRITE: the file to write; undefined when the server was started without one. */
  configFile?: string
  /** Reads requests of clients while a slow script runs; undefined where that is impossible. */
  whileBusy?: BusyListener
  /** Describes the ports, files and supervisor for INFO. */
  describe?(): HostDescription
}

/** The kept messages of channels (src/channels), as the engine sees them. */
export interface KeptChannels {
  /** True when messages are kept, or are scheduled for later. */
  readonly holdsData: boolean
  /** Bytes of the tables of channels, beside the data and the clients. */
  readonly bytes: number
  /** Tells if a key of database 0 belongs to a kept channel. */
  ownsKey(key: Bytes): boolean
  /** Looks up all channels again: the data has been replaced by other data. */
  contentsChanged(): void
  stop(): void
}
