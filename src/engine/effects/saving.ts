// The engine's view of the code that takes snapshots and keeps the append-only file short.
//
// Commands ask here (SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, INFO, SHUTDOWN), and so
// does admission while a snapshot must see large values before they change.
// Without one nothing is ever saved.

import type { Arguments } from '../../protocol/arguments.ts'
import type { Client } from '../clients/client.ts'
import type { Command } from '../spec/command.ts'

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
  /** The longest stretch for which the snapshot under way, or else the last one, kept everybody waiting (ms). */
  readonly longestSliceMs: number
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

export interface ReloadOptions {
  from: 'snapshot' | 'log'
  /** A snapshot is made before. */
  saves: boolean
  /** What becomes of the data: it goes; it stays, and no key may come twice; it stays, and what is loaded counts. */
  present: 'forgotten' | 'kept' | 'merged'
}

/**
 * How a key of memory and the one of the append-only file differ: in the value, its type or when it expires; it is there only on one
 * side; the value in memory cannot even be read; or it is no key, but a function library.
 */
export type DifferenceKind =
  | 'value'
  | 'type'
  | 'expiry'
  | 'only-in-memory'
  | 'only-in-file'
  | 'unreadable'
  | 'function-library'

export interface KeyDifference {
  /** -1 for a function library. */
  readonly database: number
  /** Latin1. */
  readonly key: string
  readonly what: DifferenceKind
}

/** What an audit found. */
export interface AuditReport {
  /** Keys that were compared. */
  readonly keys: number
  /** How many differ; the first of them are named. */
  readonly differing: number
  readonly named: readonly KeyDifference[]
  /** In so many parts, one after the other. */
  readonly parts: number
  readonly milliseconds: number
  /** The longest stretch for which it kept clients waiting. */
  readonly longestSliceMs: number
}

export interface Saving {
  readonly status: SavingStatus
  /** When the last snapshot was complete (Unix ms); the start, before the first. */
  readonly lastSaveMs: number
  /** What is saved is a backup: it is made only when somebody asks for it, and never loaded, because the data is kept elsewhere. */
  readonly isBackup: boolean
  /** The last snapshot failed: writes are refused if the settings say so. */
  readonly refusesWrites: boolean
  /** Makes a snapshot and tells whether it is on the disk. The image is that of the moment when nothing else is in progress. */
  save(done: (saved: boolean) => void): void
  /**
   * As `save`, for data that was just emptied: a snapshot under way, which still has it, is given up, and no change counts as
   * unsaved any more, unless this one fails.
   */
  saveEmptiness(done: (saved: boolean) => void): void
  /** Has the image that is being made take the rest of the data in one go: nothing of it may be needed afterwards. */
  finishImage(): void
  /** The work that is under way. */
  readonly busyWith: 'nothing' | 'save' | 'rewrite' | 'copy'
  /** Begins a snapshot; nothing may be under way. */
  saveInBackground(): void
  /** Has a snapshot begin as soon as nothing is under way. */
  scheduleSave(): void
  /** Begins a rewrite of the append-only file; nothing may be under way. */
  rewriteInBackground(): void
  scheduleRewrite(): void
  /**
   * Appends nothing more, where there is an append-only file: the data is going to be replaced by other data. What is on the disk stays
   * as it is until `beginLogAnew`, which makes a new base of what is there then.
   */
  leaveLog(): void
  beginLogAnew(): void
  /**
   * Writes a snapshot if asked to, then loads files in the place of the data, or beside it (DEBUG RELOAD, LOADAOF); clients wait, or hear
   * LOADING, meanwhile. What cannot be loaded leaves the data as it was.
   */
  reload(options: ReloadOptions, done: (outcome: 'reloaded' | 'not saved' | 'not loaded') => void): void
  /** An audit is under way. */
  readonly isAuditing: boolean
  /**
   * Replays the append-only file beside the data and compares every value, in so many parts; undefined = as many as memory asks for. Tells
   * what was found, or why nothing was; throws where there is nothing to begin with.
   */
  audit(parts: number | undefined, done: (outcome: AuditReport | Error) => void): void
  /** Tells whether a command must wait because of a large value that a snapshot has not written; it is postponed then. */
  postpones(client: Client, command: Command, args: Arguments): boolean
}
