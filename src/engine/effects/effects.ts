// Effects: what a unit (a command, a script, an EXEC) did, as commands that replay to the same state (invariant 4).
//
// They go to sinks, each of which encodes them for itself: the append-only file,
// the stream of the replicas.

import type { Arguments } from '../../protocol/arguments.ts'
import type { Word } from '../../protocol/request-writer.ts'

export type { Word }

/** What happened, as a command: its words; or a request, where whoever makes it up has encoded it already. */
export type Effect = readonly Word[] | Arguments

export interface EffectSink {
  /** True when it wants messages too (PUBLISH), which change nothing here. */
  readonly takesMessages?: boolean
  /** Takes a request as it came, copying its bytes. */
  appendRequest(database: number, args: Arguments): void
  /** Takes a command in other words than it came. */
  append(database: number, words: readonly Word[]): void
  /** Opens a unit: what follows up to `endUnit` is replayed wholly or not at all. */
  beginUnit(): void
  endUnit(): void
  /** Forgets the open unit, of which nothing was passed on yet: the server ends without it, and gives this sink nothing more. */
  abandonUnit?(): void
}
