// Questions whose answer may take long. Commands answer them at once while little is looked at, else in
// slices between which other clients are served. Their client waits meanwhile (async-commands.ts). In a
// transaction and in a script there is no waiting: all is done at once.

import type { Call } from '../requests/call.ts'
import { awaitWork } from './async-commands.ts'

/** Steps that are made before others are served, unless the time is up earlier. */
const STEPS_MAX = 1000
const SLICE_MS_MAX = 1

/** Makes the steps of a walk, and returns what it returns; undefined = the client waits, and the command will run again. */
export function inSlices<Found extends object>(call: Call, begin: () => Iterator<undefined, Found>): Found | undefined {
  const { client } = call
  const {
    blocking,
    environment: { later, workClock },
  } = call.engine
  // The walk was begun by the first run of the command.
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
    // A client that is gone, or was told to wait no longer, has other things to do.
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
