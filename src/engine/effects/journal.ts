// The journal as the engine sees it: it keeps the writes, and tells how far they have got (invariant 3).
//
// Effects come to a journal as to any sink (effects.ts); here it says how far what
// it took is written and how far it is durable. "Durable" need not mean this disk.

import type { SyncPolicy } from '../../config/durability-rules.ts'
import type { EffectSink } from './effects.ts'

/** What INFO persistence shows of a journal. */
export interface JournalStatus {
  /** Bytes in all files of the log, and in its base. */
  readonly currentBytes: number
  readonly baseBytes: number
  /** Bytes appended and not yet written. */
  readonly bufferedBytes: number
  readonly pendingSyncs: number
  /** How often a sync was due while the one before was not done. */
  readonly delayedSyncs: number
}

/** Whom a turn is going to send something: only such as wait for a sync, or others too. */
export type Served = 'waiting' | 'others'

/** How far effects have got. */
export interface Progress {
  /** False where nothing is kept. */
  readonly enabled: boolean
  /** Why writes are refused at the moment (disk full, EIO); undefined = all is well. */
  readonly failure: string | undefined
  /** True when some key's policy is `always`: then who wrote such a key, and who saw the change, waits for `synced`. */
  readonly waits: boolean
  /** Bytes ever appended. */
  readonly appended: number
  /** Offset up to which the bytes have left the process: a killed process loses none of them. Advances over whole turns. */
  readonly written: number
  /** Offset up to which they survive a power cut; never beyond `written`. Advances over whole turns. */
  readonly synced: number
  /** False while nobody may be told anything, be it read or written: whether this node still leads is not known. Absent = always true. */
  readonly answers?: boolean
  /** Figures for INFO. */
  readonly status?: JournalStatus

  /**
   * Says how soon what lies before an offset (within this turn's bytes, perhaps not appended yet) is to be synced. Said of every
   * effect while there are `durability` rules; without any the journal does all as `appendfsync` says.
   */
  require(policy: SyncPolicy, offset: number): void
  /**
   * Writes what was appended; called once a turn, before replies leave. On failure `failure` is set and the bytes are kept for
   * another try. Returns true when it wants to be asked again at once, not when something happens. `served` matters to a journal
   * with policies `always`: what is served to no others may wait for a sync on this thread.
   */
  write(served: Served): boolean
  /** False while `settleNow` cannot keep its promise: another thread is writing. Absent = never. */
  readonly settlesNow?: boolean
  /**
   * Writes what was appended, and syncs what is `always`, on this thread, before it returns: for a caller that does not wait.
   * False where the disk refuses.
   */
  settleNow?(): boolean
  /** Calls `run` whenever `written` or `synced` advances, or `failure` changes. */
  onProgress(run: () => void): void
}

/** A sink that keeps what it takes. */
export interface Journal extends EffectSink, Progress {}

/** Nothing is kept. */
export const noProgress: Progress = {
  enabled: false,
  failure: undefined,
  waits: false,
  appended: 0,
  written: 0,
  synced: 0,
  require() {},
  write: () => false,
  onProgress() {},
}
