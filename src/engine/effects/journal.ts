// The journal as the engine sees it: it keeps the writes, and tells how far it has written and
// synced them (invariant 3).
//
// Effects reach a journal as they reach any sink (effects.ts). `Progress` tells the offsets up to
// which they are written and durable. Durable need not mean this disk: a replicated log is a
// journal, too.

import type { SyncPolicy } from '../../config/durability-rules.ts'
import type { EffectSink } from './effects.ts'

/** The journal's figures of INFO persistence. */
export interface JournalStatus {
  /** Bytes in all files of the log, and in its base. */
  readonly currentBytes: number
  readonly baseBytes: number
  /** Bytes appended and not yet written. */
  readonly bufferedBytes: number
  readonly pendingSyncs: number
  /** How often a sync was due while the previous one still ran. */
  readonly delayedSyncs: number
}

/** How long ago the journal was in step with the disk, or with the log. */
export interface JournalTimes {
  /** The time since the last sync ended; undefined = there was none yet. */
  readonly sinceSyncMs: number | undefined
  /** The age of the oldest bytes that are not synced; undefined = all bytes are. */
  readonly unsyncedForMs: number | undefined
}

/** The clients that a turn is going to flush: only such as wait for a sync, or others too. */
export type Served = 'waiting' | 'others'

/** The offsets up to which effects are appended, written and synced. */
export interface Progress {
  /** False while there is no journal. */
  readonly enabled: boolean
  /** The reason why writes are refused at present (disk full, EIO); undefined = there is none. */
  readonly failure: string | undefined
  /**
   * True when some key's policy is `always`. Then a client that wrote such a key, or read it, waits
   * for `synced`.
   */
  readonly waits: boolean
  /** Bytes appended since the journal began. */
  readonly appended: number
  /**
   * Offset up to which the bytes have left the process: a killed process loses none of them.
   * Advances over whole turns.
   */
  readonly written: number
  /**
   * Offset up to which the bytes survive a power cut; never beyond `written`. Advances over whole
   * turns.
   */
  readonly synced: number
  /**
   * False while no reply may leave, of a read or of a write: this node may have ceased to lead.
   * Absent = always true.
   */
  readonly answers?: boolean
  /**
   * True while this journal lacks a write that is older than the settings allow, so that further
   * writes are refused. Absent = always false.
   */
  readonly isTooFarBehind?: boolean
  /** Figures for INFO. */
  readonly status?: JournalStatus
  /** Figures for the console. */
  readonly times?: JournalTimes

  /**
   * Asks for the bytes before an offset to be synced as a policy says. The offset lies within this
   * turn's bytes, which need not be appended yet. It is called for every effect while there are
   * `durability` rules. Without rules the journal follows `appendfsync`.
   */
  require(policy: SyncPolicy, offset: number): void
  /**
   * Writes the appended bytes. Called once a turn, before replies leave. On failure, `failure` is
   * set and the bytes are kept for another try. Returns true when it wants to be called again at
   * once. `served` matters to a journal with the policy `always`: if all clients wait for a sync,
   * this thread may make it.
   */
  write(served: Served): boolean
  /** False while `settleNow` cannot keep its promise: another thread is writing. Absent = never. */
  readonly settlesNow?: boolean
  /**
   * Writes the appended bytes, and syncs those of `always` keys, on this thread, before it returns.
   * It serves a caller that does not wait. False where the disk refuses.
   */
  settleNow?(): boolean
  /** Calls `run` whenever `written` or `synced` advances, or `failure` or `isTooFarBehind` changes. */
  onProgress(run: () => void): void
}

/** A sink that keeps its effects. */
export interface Journal extends EffectSink, Progress {}

/** The progress of an engine without a journal. */
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
