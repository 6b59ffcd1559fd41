// Runs the garbage collector explicitly: where code must know which objects are alive, or wants
// memory back at once.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { performance } from '../time/real-time.ts'

/**
 * Between two collections on suspicion, this many times the duration of one must pass: a twentieth
 * of the time is spent.
 */
const REST_SHARE = 20

let collector: (() => void) | undefined
let nextMs = 0

/**
 * Collects all garbage. It takes some milliseconds, more with a large JS heap. Dead buffers are
 * freed a little later.
 */
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

/**
 * Like `collectGarbage`, unless the last collection was just now; tells whether it collected. One
 * heap serves everything in this process.
 */
export function collectGarbageRarely(): boolean {
  if (performance.now() < nextMs) return false
  collectGarbage()
  return true
}
