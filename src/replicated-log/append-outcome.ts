// An append whose outcome is found out, whatever was lost on the way.
//
//   append ── its position ──▶ there
//     │  ── Fenced, OutcomeUnknown ──▶ at: our bytes ──▶ there
//     │                                    other bytes ──▶ taken
//     │                                    nothing ──▶ once more, the same bytes
//     └── LogFull, LogAway ──▶ thrown: it is not there (yet)

import { Fenced, LogAway, LogFull, OutcomeUnknown, type ReplicatedLog, Truncated } from './log.ts'

/** It stands where it should; or something else does; or the log ends before that place. */
export interface AppendOutcome {
  readonly is: 'there' | 'taken' | 'lost end'
  /** What has taken the place; undefined where that has been removed already. */
  readonly by?: Uint8Array
}

/** Finds out what became of bytes that were appended, and appends them again if they are not there. Throws `LogFull`, `LogAway`. */
export async function settleAppend(log: ReplicatedLog, batch: Uint8Array, expected: number): Promise<AppendOutcome> {
  while (true) {
    let found: Uint8Array | undefined
    try {
      found = await known(log.at(expected + 1))
    } catch (error) {
      if (error instanceof Truncated) return { is: 'taken' }
      throw error
    }
    if (found !== undefined) {
      return Buffer.compare(found, batch) === 0 ? { is: 'there' } : { is: 'taken', by: found }
    }
    const outcome = await tryAppend(log, batch, expected)
    if (outcome === 'there') return { is: 'there' }
    // Refused although there is nothing: the log ends earlier, or our own bytes have come in between.
    if (outcome === 'fenced' && (await known(log.bounds())).last < expected) return { is: 'lost end' }
  }
}

/** Appends once. Throws `LogFull`, `LogAway`. */
export async function tryAppend(
  log: ReplicatedLog,
  batch: Uint8Array,
  expected: number,
): Promise<'there' | 'fenced' | 'unknown'> {
  try {
    await log.append(batch, expected)
    return 'there'
  } catch (error) {
    if (error instanceof Fenced) return 'fenced'
    if (error instanceof OutcomeUnknown) return 'unknown'
    throw error
  }
}

/** A question without an answer may be asked again later, like one that was refused. */
async function known<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof OutcomeUnknown) throw new LogAway(error.message)
    throw error
  }
}

/** The log may take it later. */
export function isPassing(error: unknown): error is LogFull | LogAway {
  return error instanceof LogFull || error instanceof LogAway || error instanceof OutcomeUnknown
}
