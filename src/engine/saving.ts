// What the engine needs from whoever keeps snapshots of its data and its append-only file short.
//
// Commands ask here (SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, INFO, SHUTDOWN), and so
// does admission while a snapshot must see large values before they change.
// Without one nothing is ever saved.

import type { Arguments } from '../protocol/arguments.ts'
import type { Client } from './client.ts'
import type { Command } from './command.ts'

/** Function libraries, as they go into files and come from there. */
export interface FunctionStore {
  /** The code of each library, latin1. */
  codes(): readonly string[]
  /** Takes a library's code from a file; throws an Error that says what is wrong with it. */
  load(code: string): void
}

/** What INFO persistence shows. */
export interface SavingStatus {
  readonly saveInProgress: boolean
  /** Seconds since it began; -1 = none is in progress. */
  readonly currentSaveSeconds: number
  readonly lastSaveSeconds: number
  readonly lastSaveOk: boolean
  readonly saves: number
  readonly keysProcessed: number
  readonly keysTotal: number
  readonly rewriteInProgress: boolean
  readonly rewriteScheduled: boolean
  readonly currentRewriteSeconds: number
  readonly lastRewriteSeconds: number
  readonly lastRewriteOk: boolean
  readonly rewrites: number
  readonly rewriteFailuresInARow: number
  /** Size of the log after the last rewrite, or of its base at the start. */
  readonly rewriteBaseBytes: number
  readonly keysLoaded: number
  readonly keysExpiredAtLoad: number
}

export interface Saving {
  readonly status: SavingStatus
  /** When the last snapshot was complete (Unix ms); the start, before the first. */
  readonly lastSaveMs: number
  /** The last snapshot failed: writes are refused if the settings say so. */
  readonly refusesWrites: boolean
  /** Function libraries, once there is somebody who keeps them. */
  functions: FunctionStore | undefined
  /** Makes a snapshot and tells whether it is on the disk. The image is that of the moment when nothing else is in progress. */
  save(done: (saved: boolean) => void): void
  /** Begins a snapshot, or notes that one is wanted. Throws Redis's errors. */
  saveInBackground(mode: 'now' | 'when possible'): 'started' | 'scheduled'
  /** Begins a rewrite of the append-only file, or notes that one is wanted. Throws Redis's errors. */
  rewriteInBackground(mode: 'now' | 'when possible'): 'started' | 'scheduled'
  /** Writes a snapshot and has the engine begin again from it (DEBUG RELOAD). `keep` leaves the data as it is before loading. */
  reload(done: (reloaded: boolean) => void): void
  /** Tells whether a command must wait because of a large value that a snapshot has not written; it is held then. */
  holds(client: Client, command: Command, args: Arguments): boolean
}
