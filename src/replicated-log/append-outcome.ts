// An append whose outcome is always found out, even when the answer was lost.
//
//   append ── its position ──▶ there
//     │  ── Fenced, OutcomeUnknown ──▶ at: our bytes ──▶ there
//     │                                    other bytes ──▶ taken
//     │                                    nothing ──▶ append the same bytes again
//     └── LogFull, LogAway ──▶ thrown: it is not in the log (yet)

import { assert } from '../util/assert.ts'
import { Fenced, LogAway, LogFull, OutcomeUnknown, type ReplicatedLog, Truncated } from './log.ts'

/** The batch is in its position; or other bytes are there; or the log ends before that position. */
export interface AppendOutcome {
  readonly is: 'there' | 'taken' | 'lost end'
  /** The bytes that took the position; undefined when they have been truncated already. */
  readonly by?: Uint8Array
}

/**
 * Finds out what became of an append, and appends the same bytes again if they are not in the log.
 * Throws `LogFull`, `LogAway`.
 */
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
    // The append was refused, but the position is empty: either the log ends earlier, or our own
    // bytes arrived in between.
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
    const position = await log.append(batch, expected)
    assert(position === expected + 1, 'an adapter resolves an append with the position behind the expected one')
    return 'there'
  } catch (error) {
    if (error instanceof Fenced) return 'fenced'
    if (error instanceof OutcomeUnknown) return 'unknown'
    throw error
  }
}

/** Treats a lost answer to a question like a refusal: the question can be asked again later. */
async function known<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof OutcomeUnknown) throw new LogAway(error.message)
    throw error
  }
}

/** Whether the log may accept the same append later. */
export function isPassing(error: unknown): error is LogFull | LogAway {
  return error instanceof LogFull || error instanceof LogAway || error instanceof OutcomeUnknown
}
