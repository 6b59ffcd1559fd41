// The collector, asked for by name: where somebody must know what is alive, or wants memory back that nothing else makes it look for.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { performance } from '../time/real-time.ts'

/** Whoever collects on suspicion leaves this many times as long as it takes between two collections: a twentieth of the time. */
const REST_SHARE = 20

let collector: (() => void) | undefined
let nextMs = 0

/** Collects garbage for real. It takes some milliseconds, more with a large JS heap; buffers found dead are freed a little later. */
export function collectGarbage(): void {
  if (collector === undefined) {
    setFlagsFromString('--expose-gc')
    collector = runInNewContext('gc') as () => void
    setFlagsFromString('--no-expose-gc')
  }
  const began = performance.now()
  collector()
  const ended = performance.now()
  nextMs = ended + REST_SHARE * (ended - began)
}

/** As `collectGarbage`, unless the last one was just now; tells whether it did. One heap serves all that run in this process. */
export function collectGarbageRarely(): boolean {
  if (performance.now() < nextMs) return false
  collectGarbage()
  return true
}
