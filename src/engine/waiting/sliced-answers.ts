// Commands whose answer may take long (KEYS of many keys). A short walk is done at once. A longer
// one goes on in slices, between which other clients are served, and its client waits
// (async-commands.ts). A transaction or a script cannot wait, so there the whole walk is done at
// once.

import type { Call } from '../requests/call.ts'
import { awaitWork } from './async-commands.ts'

/** The most steps of one slice. A slice ends earlier when its time is up. */
const STEPS_MAX = 1000
const SLICE_MS_MAX = 1

/**
 * Makes the steps of a walk, and returns its result; undefined = the client waits, and the command
 * will run again.
 */
export function inSlices<Found extends object>(call: Call, begin: () => Iterator<undefined, Found>): Found | undefined {
  const { client } = call
  const {
    blocking,
    environment: { later, workClock },
  } = call.engine
  // The first run of the command has begun the walk.
  if (call.retrying) return awaitWork<Found>(call, never)?.result

  const walk = begin()
  if (!call.mayBlock || client.isObeyed) return lastOf(walk)
  const slice = (): Found | undefined => {
    const untilMs = workClock.monotonic() + SLICE_MS_MAX
    for (let steps = 0; steps < STEPS_MAX && workClock.monotonic() <= untilMs; steps++) {
      const { done, value } = walk.next()
      if (done === true) return value
    }
    return undefined
  }
  const found = slice()
  if (found !== undefined) return found
  awaitWork(call, () => new Promise<Found>((resolve) => later(() => goOn(resolve))))
  const topics = blocking.topicsOf(client)
  const goOn = (resolve: (found: Found) => void): void => {
    // The client is gone, or waits for this walk no longer.
    if (blocking.topicsOf(client) !== topics) return
    const result = slice()
    if (result === undefined) later(() => goOn(resolve))
    else resolve(result)
  }
  return undefined
}

function never(): never {
  throw new Error('work is begun by the first run of a command')
}

function lastOf<Found>(walk: Iterator<undefined, Found>): Found {
  for (;;) {
    const { done, value } = walk.next()
    if (done === true) return value
  }
}
