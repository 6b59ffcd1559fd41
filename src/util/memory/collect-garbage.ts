// The collector, asked for by name: where somebody must know what is alive, or wants memory back that nothing else makes it look for.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { performance } from '../time/real-time.ts'

/** Whoever collects on suspicion leaves this many times as long as it takes between two collections: a twentieth of the time. */
const REST_SHARE = 20

/** One heap serves all that run in this process, and so does its collector. */
const collection = {
  run: undefined as (() => void) | undefined,
  nextMs: 0,
}

/** Collects garbage for real. It takes some milliseconds, more with a large JS heap; buffers found dead are freed a little later. */
export function collectGarbage(): void {
  if (collection.run === undefined) {
    setFlagsFromString('--expose-gc')
    collection.run = runInNewContext('gc') as () => void
    setFlagsFromString('--no-expose-gc')
  }
  const began = performance.now()
  collection.run()
  const ended = performance.now()
  collection.nextMs = ended + REST_SHARE * (ended - began)
}

/** As `collectGarbage`, unless the last one was just now; tells whether it did. One heap serves all that run in this process. */
export function collectGarbageRarely(): boolean {
  if (performance.now() < collection.nextMs) return false
  collectGarbage()
  return true
}
