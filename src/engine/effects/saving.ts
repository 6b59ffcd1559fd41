// The engine's view of the code that takes snapshots and keeps the append-only file short.
//
// Commands ask it: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, INFO and SHUTDOWN. Admission asks it while
// a snapshot must write large values before they change. Without it no data is ever saved.

import type { Arguments } from '../../protocol/arguments.ts'
import type { Client } from '../clients/client.ts'
import type { Command } from '../spec/command.ts'

/** The figures of INFO persistence. */
export interface SavingStatus {
  readonly saveInProgress: boolean
  /** Seconds since it began; -1 = none is in progress. */
  readonly currentSaveSeconds: number
  readonly lastSaveSeconds: number
  readonly lastSaveOk: boolean
  readonly saves: number
  readonly keysProcessed: number
  readonly keysTotal: number
  /**
   * The longest time in ms for which a snapshot kept all clients waiting: the one that runs, or
   * else the last one.
   */
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
  /** A snapshot is made before the reload. */
  saves: boolean
  /**
   * The fate of the present data. `forgotten`: it is removed. `kept`: it stays, and a key that is
   * on both sides is an error. `merged`: it stays, and the loaded value of such a key wins.
   */
  present: 'forgotten' | 'kept' | 'merged'
}

/**
 * The kinds of difference between memory and the append-only file. The value, its type or its
 * expiry differs; the key is only on one side; the value in memory cannot be read; or a function
 * library differs.
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

/** The result of an audit. */
export interface AuditReport {
  /** Keys that were compared. */
  readonly keys: number
  /** The number of keys that differ. `named` has the first of them. */
  readonly differing: number
  readonly named: readonly KeyDifference[]
  /** The number of parts in which the keys were compared, one after the other. */
  readonly parts: number
  readonly milliseconds: number
  /** The longest time for which the audit kept clients waiting. */
  readonly longestSliceMs: number
}

export interface Saving {
  readonly status: SavingStatus
  /** Unix ms of the last complete snapshot; the start of the server before the first one. */
  readonly lastSaveMs: number
  /**
   * True where the data is kept elsewhere. A snapshot is then a backup: it is made only on request,
   * and it is never loaded.
   */
  readonly isBackup: boolean
  /** The last snapshot failed, and the settings refuse writes in that case. */
  readonly refusesWrites: boolean
  /**
   * Makes a snapshot, and then tells if it is on the disk. The image shows the data at the moment
   * when no other save or rewrite runs.
   */
  save(done: (saved: boolean) => void): void
  /**
   * As `save`, for data that was just emptied. A snapshot that runs still has the old data, so it
   * is given up. No change counts as unsaved any more, unless this snapshot fails.
   */
  saveEmptiness(done: (saved: boolean) => void): void
  /**
   * Makes the running snapshot take the rest of the data in one go. Afterwards it needs no more of
   * the data.
   */
  finishImage(): void
  /** The work that runs at present. */
  readonly busyWith: 'nothing' | 'save' | 'rewrite' | 'copy'
  /** Begins a snapshot. No other save or rewrite may run. */
  saveInBackground(): void
  /** Begins a snapshot as soon as no other save or rewrite runs. */
  scheduleSave(): void
  /** Begins a rewrite of the append-only file. No other save or rewrite may run. */
  rewriteInBackground(): void
  scheduleRewrite(): void
  /**
   * Stops appending to the append-only file, if there is one, because the data is going to be
   * replaced. The files stay as they are until `beginLogAnew`, which makes a new base of the data
   * that is there then.
   */
  leaveLog(): void
  beginLogAnew(): void
  /**
   * Writes a snapshot if asked to, then loads files in the place of the data, or beside it (DEBUG
   * RELOAD, LOADAOF). Clients wait or get LOADING meanwhile. If loading fails, the data stays as it
   * was.
   */
  reload(options: ReloadOptions, done: (outcome: 'reloaded' | 'not saved' | 'not loaded') => void): void
  /** True while an audit runs. */
  readonly isAuditing: boolean
  /**
   * Replays the append-only file beside the data and compares every value, in `parts` parts;
   * undefined = as many parts as the memory asks for. Calls `done` with a report, or with the
   * reason why there is none. Throws when an audit cannot begin.
   */
  audit(parts: number | undefined, done: (outcome: AuditReport | Error) => void): void
  /**
   * Postpones a command, and returns true, when it is going to change a large value that a snapshot
   * has not written yet.
   */
  postpones(client: Client, command: Command, args: Arguments): boolean
}
