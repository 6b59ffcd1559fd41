// Questions whose answer may take long: they are answered at once while little is looked at, else in slices between which others are
// served. Their client waits meanwhile (async-commands.ts). In a transaction and in a script there is no waiting: all is done at once.

import type { Client } from '../clients/client.ts'
import type { Call } from '../requests/call.ts'
import { awaitWork } from './async-commands.ts'

/** Steps that are made before others are served, unless the time is up earlier. */
const STEPS_MAX = 1000
const SLICE_MS_MAX = 1

/** What each client waits for. */
interface Search {
  found: object | undefined
}

const searches = new WeakMap<Client, Search>()

/** Makes the steps of a walk, and returns what it returns; undefined = the client waits, and the command will run again. */
export function inSlices<Found extends object>(call: Call, begin: () => Iterator<undefined, Found>): Found | undefined {
  const { client } = call
  const {
    environment: { later, workClock },
  } = call.engine
  if (call.retrying) {
    awaitWork(call, nothing)
    return searches.get(client)!.found as Found
  }
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
  const search: Search = { found: undefined }
  searches.set(client, search)
  const work = (resolve: () => void): void => {
    const goOn = (): void => {
      // A client that is gone, or was told to wait no longer, has other things to do.
      if (client.closed || searches.get(client) !== search) return
      search.found = slice()
      if (search.found === undefined) later(goOn)
      else resolve()
    }
    later(goOn)
  }
  awaitWork(call, () => new Promise<void>(work))
  return undefined
}

function nothing(): Promise<void> {
  return Promise.resolve()
}

function lastOf<Found>(walk: Iterator<undefined, Found>): Found {
  for (;;) {
    const { done, value } = walk.next()
    if (done === true) return value
  }
}
