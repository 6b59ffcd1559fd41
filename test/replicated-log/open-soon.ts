// Servers that were just started, or have lost their leader, do not answer yet.

import { LogAway } from '../../src/replicated-log/log.ts'
import { sleep } from '../../src/util/time/real-time.ts'

const RETRY_MS = 50
const GIVE_UP_MS = 30_000

/** Tries until the log can be reached; any other error ends it. */
export async function openSoon<T>(open: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    try {
      return await open()
    } catch (error) {
      if (!(error instanceof LogAway) || waitedMs > GIVE_UP_MS) throw error
      await sleep(RETRY_MS)
    }
  }
}
