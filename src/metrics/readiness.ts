// Whether the server should be sent clients, for /readyz.

import type { Engine } from '../commands/call.ts'

/** Why not; undefined = it is ready. Stopping is told by whoever stops it. */
export function whyNotReady({ conditions: { state } }: Engine): string | undefined {
  if (state.loading.holds) return 'the data is being loaded'
  if (state.journalFailed.holds) return 'the append-only file cannot be written'
  if (state.saveFailed.holds) return 'the last snapshot failed, and writes are refused until one succeeds'
  return undefined
}
