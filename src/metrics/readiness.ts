// Whether clients should be sent to the server, for /readyz.

import type { Engine } from '../commands/call.ts'

/** The reason why not; undefined when it is ready. The endpoint itself knows about a stop. */
export function whyNotReady({ conditions: { state } }: Engine): string | undefined {
  if (state.loading.holds) return 'the data is being loaded'
  if (state.journalFailed.holds) return 'the append-only file cannot be written'
  if (state.saveFailed.holds) return 'the last snapshot failed, and writes are refused until one succeeds'
  return undefined
}
