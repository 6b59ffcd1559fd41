// Work that waits until the event loop is quiet.

import { clearTimeout, performance, setTimeout } from './real-time.ts'

/** How long the loop is watched before it counts as quiet. */
const WATCH_MS = 200
/** A quiet loop works less than this share of the time. */
const QUIET_SHARE = 0.1

/** The share of the time that the loop has worked since the last call, 0 to 1. */
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
 * Runs a function once the loop has been quiet for a moment, however long that takes. Does not keep
 * the process alive. Returns a function that cancels it.
 */
export function whenIdle(run: () => void, share: WorkedShare = workedShare()): () => void {
  let timer: NodeJS.Timeout
  const watch = (): void => {
    timer = setTimeout(() => (share() < QUIET_SHARE ? run() : watch()), WATCH_MS).unref()
  }
  watch()
  return () => clearTimeout(timer)
}
