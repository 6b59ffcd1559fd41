// Work that can wait until nobody else wants the event loop.

import { clearTimeout, performance, setTimeout } from './real-time.ts'

/** How long the loop is watched before it is called quiet. */
const WATCH_MS = 200
/** It works less than this share of the time then. */
const QUIET_SHARE = 0.1

/** Share of the time that the loop has worked since it was last asked for, 0 to 1. */
export type WorkedShare = () => number

function workedShare(): WorkedShare {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
}

/**
 * Runs something once the loop has had little to do for a moment, however long that takes; keeps no
 * process alive. Returns what calls it off.
 */
export function whenQuiet(run: () => void, share: WorkedShare = workedShare()): () => void {
  let timer: NodeJS.Timeout
  const watch = (): void => {
    timer = setTimeout(() => (share() < QUIET_SHARE ? run() : watch()), WATCH_MS).unref()
  }
  watch()
  return () => clearTimeout(timer)
}
