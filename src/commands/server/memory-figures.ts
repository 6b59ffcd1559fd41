// The use of memory: the figures behind INFO memory, MEMORY STATS and MEMORY DOCTOR.
//
// Redis asks its allocator. Here the figures are those of used memory (engine/upkeep/memory.ts),
// and the gaps: places in slabs of the arenas that were freed and wait for values of similar size.

import type { Engine } from '../call.ts'

export interface MemoryFigures {
  readonly used: number
  readonly peak: number
  readonly startup: number
  /** Used memory other than the contents of keys. */
  readonly overhead: number
  readonly dataset: number
  /** The share of contents of keys in the memory used since the start, in percent. */
  readonly datasetPercent: number
  readonly peakPercent: number
  /** Used, and the gaps. */
  readonly active: number
  /** The resident memory of the process. */
  readonly resident: number
  readonly clients: number
  readonly journal: number
  readonly scripts: number
  readonly functions: number
}

/** Collects the figures; `resident` is the resident memory of the process. */
export function memoryFigures(
  { clients: { memory: clientMemory }, databases, upkeep: { memory }, parts: { scripts }, figures: { stats } }: Engine,
  resident: number,
): MemoryFigures {
  memory.notePeak()
  const used = memory.usedBytes
  const { journalBytes, overheadBytes, startupBytes } = memory
  const dataset = Math.max(0, used - overheadBytes)
  let gaps = 0
  for (const { arena } of databases) gaps += arena.heldBytes - arena.blockBytes
  const peak = Math.max(used, stats.usedMemoryPeak)
  return {
    used,
    peak,
    startup: startupBytes,
    overhead: overheadBytes,
    dataset,
    datasetPercent: used > startupBytes ? (100 * dataset) / (used - startupBytes) : 0,
    peakPercent: peak === 0 ? 100 : (100 * used) / peak,
    active: used + gaps,
    resident,
    clients: clientMemory.bytes,
    journal: journalBytes,
    scripts: scripts.scriptBytes,
    functions: scripts.functionBytes,
  }
}

/** Divides the large figure by the small one; 0 if the small one is 0. */
export const ratio = (large: number, small: number): number => (small === 0 ? 0 : large / small)
