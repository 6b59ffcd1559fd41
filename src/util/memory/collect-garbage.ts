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

/** One heap serves all that run in this process, and so does its collector. */
const collection = {
  run: undefined as (() => void) | undefined,
  nextMs: 0,
  count: 0,
}

/**
 * Collects all garbage. It takes some milliseconds, more with a large JS heap. Dead buffers are
 * freed a little later.
 */
export function collectGarbage(): void {
  if (collection.run === undefined) {
    setFlagsFromString('--expose-gc')
    collection.run = runInNewContext('gc') as () => void
    setFlagsFromString('--no-expose-gc')
  }
  collection.count++
  const began = performance.now()
  collection.run()
  const ended = performance.now()
  collection.nextMs = ended + REST_SHARE * (ended - began)
}

/**
 * Like `collectGarbage`, unless the last collection was just now; tells whether it collected. One
 * heap serves everything in this process.
 */
export function collectGarbageRarely(): boolean {
  if (performance.now() < collection.nextMs) return false
  collectGarbage()
  return true
}

/** Returns how often garbage was collected explicitly in this process. */
export function collectionCount(): number {
  return collection.count
}
