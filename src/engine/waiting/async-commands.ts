// Commands that wait for a promise: the client is parked, and its command runs again when the
// promise is settled. CLIENT UNBLOCK ends the waiting; the work goes on.

import { ERR, ReplyError } from '../../protocol/errors.ts'
import { Signal } from '../../queues/waiting-room.ts'
import { assert } from '../../util/assert.ts'
import type { Call } from '../requests/call.ts'

const GIVEN_UP = ERR.of('The command goes on, but its reply was given up')
const CANNOT_WAIT = ERR.of('The command takes a while, and a transaction or a script cannot wait for it')

/** The result of work that has ended well. */
export interface Outcome<Result> {
  readonly result: Result
}

/** Work that one client waits for. The signal is raised when the promise is settled. */
class Work extends Signal {
  outcome: Outcome<unknown> | ReplyError | undefined = undefined
}

/**
 * Begins work for a call, and parks its client. Returns undefined in the first run, and the outcome
 * in the run after the end of the work. Throws the ReplyError that the work was rejected with.
 */
export function awaitWork<Result>(call: Call, begin: () => Promise<Result>): Outcome<Result> | undefined {
  const { client } = call
  if (!call.retrying) {
    if (!call.mayBlock || client.isObeyed) throw CANNOT_WAIT
    call.waitFor({ signals: [follow(call, begin())], timeoutMs: 0, onTimeout: (reply) => reply.error(GIVEN_UP) })
    return undefined
  }
  const [work] = call.engine.blocking.topicsOf(client)
  assert(work instanceof Work, 'invariant 1: a command that awaits work runs again for that work')
  if (work.outcome instanceof ReplyError) throw work.outcome
  if (work.outcome === undefined) call.waitAgain()
  return work.outcome as Outcome<Result> | undefined
}

/** Returns a signal that is raised when a promise is settled. */
function follow(call: Call, done: Promise<unknown>): Work {
  const {
    blocking,
    environment: { unitClock },
  } = call.engine
  const work = new Work('the end of work')
  const end = (outcome: Outcome<unknown> | ReplyError): void => {
    assert(work.outcome === undefined, 'work ends once')
    work.outcome = outcome
    unitClock.renew()
    blocking.raise(work)
  }
  done.then(
    (result) => end({ result }),
    (error: unknown) => end(error instanceof ReplyError ? error : ERR.of(String(error))),
  )
  return work
}
