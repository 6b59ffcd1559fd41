// Effects: the changes of a unit (a command, a script, an EXEC), as commands that replay to the
// same state (invariant 4).
//
// Effects go to sinks, and each sink encodes them for itself. Examples are the append-only file and
// the stream of the replicas.

import type { Arguments } from '../../protocol/arguments.ts'
import type { Word } from '../../protocol/request-writer.ts'

export type { Word }

/** An effect as a command: its words, or a request that is encoded already. */
export type Effect = readonly Word[] | Arguments

export interface EffectSink {
  /** True when the sink takes messages too (PUBLISH). Messages change no data. */
  readonly takesMessages?: boolean
  /** Takes a request as it came, and copies its bytes. */
  appendRequest(database: number, args: Arguments): void
  /** Takes a command whose words differ from the request's. */
  append(database: number, words: readonly Word[]): void
  /** Opens a unit: the effects up to `endUnit` are replayed wholly or not at all. */
  beginUnit(): void
  endUnit(): void
  /**
   * Forgets the open unit, of which no byte has left the sink: the server ends without it. No more
   * effects follow.
   */
  abandonUnit?(): void
}
