// What the engine needs from whatever keeps its writes (invariants 3 and 4).
//
// The engine appends the effects of every unit (a command, a script, an EXEC) as
// commands; the journal knows how far they were written and how far they are
// durable. "Durable" need not mean this disk.

import type { Arguments } from '../protocol/arguments.ts'
import type { Bytes } from '../util/bytes.ts'
import type { SyncPolicy } from './durability-rules.ts'

/** A word of a command the engine makes up itself. */
export type Word = string | number | bigint | Bytes

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

export interface Journal {
  /** True while effects are wanted; false = append nothing. */
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
  /** Figures for INFO. */
  readonly status?: JournalStatus

  /** Appends a request as it came, copying its bytes. */
  appendRequest(database: number, args: Arguments): void
  /** Appends a command in other words than it came. */
  append(database: number, words: readonly Word[]): void
  /** Opens a unit: what follows up to `endUnit` is replayed wholly or not at all. */
  beginUnit(): void
  endUnit(): void
  /** Forgets the open unit, of which nothing was written yet, and appends nothing more: the server ends without it. */
  abandonUnit?(): void
  /**
   * Says how soon what lies before an offset (within this turn's bytes, perhaps not appended yet) is to be synced. Said of every
   * effect while there are `durability` rules; without any the journal does all as `appendfsync` says.
   */
  require(policy: SyncPolicy, offset: number): void
  /**
   * Writes what was appended; called once a turn, before replies leave. On failure `failure` is set and the bytes are kept for
   * another try. Returns true when it wants to be asked again at once, not when something happens.
   */
  write(): boolean
  /** Calls `run` whenever `written` or `synced` advances, or `failure` changes. */
  onProgress(run: () => void): void
}

/** Keeps nothing. */
export const noJournal: Journal = {
  enabled: false,
  failure: undefined,
  waits: false,
  appended: 0,
  written: 0,
  synced: 0,
  appendRequest() {},
  append() {},
  beginUnit() {},
  endUnit() {},
  require() {},
  write: () => false,
  onProgress() {},
}
