// Yields the values that are put under some keys of etcd, from a revision on, as it happens.

import { clearTimeout, setTimeout } from '../../util/time/real-time.ts'
import type { EtcdGateway } from './gateway.ts'
import type { KeyRange } from './keys.ts'

/**
 * A watch that has been silent for this long checks whether it is behind: its member may be cut off
 * without noticing.
 */
const SILENCE_MS = 1_000

export interface KeyValue {
  readonly key: string
  readonly value?: string
  readonly mod_revision?: string
}

interface WatchAnswer {
  readonly result?: {
    readonly canceled?: boolean
    readonly events?: readonly { readonly kv: KeyValue }[]
  }
}

export interface WatchOptions {
  readonly range: KeyRange
  /** The first revision to report. */
  readonly revision: number
  readonly signal: AbortSignal
  /**
   * Asks a quorum whether there is something that the watch has not reported. A rejection ends the
   * watch, too.
   */
  isBehind(): Promise<boolean>
}

/**
 * Yields values as they are put. Ends when the signal aborts, when the member ends the watch, or
 * when the first revision has been compacted.
 */
export async function* watchPuts(
  gateway: EtcdGateway,
  { isBehind, range, revision, signal }: WatchOptions,
): AsyncIterable<KeyValue> {
  const stop = new AbortController()
  let told = 0
  // A silent watch compares its member with the quorum.
  let noted = 0
  let timer = setTimeout(check, SILENCE_MS)
  function check(): void {
    if (told !== noted) {
      noted = told
      timer = setTimeout(check, SILENCE_MS)
      return
    }
    isBehind().then(
      (isSo) => {
        if (isSo && told === noted) return stop.abort()
        if (!stop.signal.aborted) timer = setTimeout(check, SILENCE_MS)
      },
      () => stop.abort(),
    )
  }
  try {
    const request = { ...range, start_revision: String(revision), filters: ['NODELETE'] }
    const ended = AbortSignal.any([signal, stop.signal])
    for await (const { result } of gateway.follow<WatchAnswer>('watch', { create_request: request }, ended)) {
      if (result === undefined || result.canceled === true) return
      for (const { kv } of result.events ?? []) {
        told++
        yield kv
      }
    }
  } finally {
    stop.abort()
    clearTimeout(timer)
  }
}
