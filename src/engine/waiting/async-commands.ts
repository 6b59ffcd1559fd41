// Commands that wait for work which takes a while and has nothing to do with keys: the client is parked, and its command run again when the work is done.

import { ERR, ReplyError } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Client } from '../clients/client.ts'
import type { Call } from '../requests/call.ts'

interface Work {
  isOver: boolean
  error: ReplyError | undefined
}

const GIVEN_UP = ERR.of('What was begun may go on')
const CANNOT_WAIT = ERR.of('It takes a while, which is not possible in a transaction or a script')

/** What each client waits for. */
const works = new WeakMap<Client, Work>()

/** Begins work for a call, and parks its client. Returns true in the run in which it is done, false before. Throws the ReplyError that the work was rejected with. */
export function awaitWork(call: Call, begin: () => Promise<void>): boolean {
  const { client } = call
  let work = works.get(client)
  if (!call.retrying) {
    if (!call.mayBlock || client.isObeyed) throw CANNOT_WAIT
    work = follow(call, begin())
  }
  if (work?.isOver === true) {
    works.delete(client)
    if (work.error !== undefined) throw work.error
    return true
  }
  // Nothing wakes it but the end of the work. CLIENT UNBLOCK does: the work goes on.
  call.block({
    keys: [waitingName(client)],
    timeoutMs: 0,
    type: NONE,
    servedByDeletion: true,
    onTimeout: (reply) => reply.error(GIVEN_UP),
  })
  return false
}

function follow(call: Call, done: Promise<void>): Work {
  const {
    blocking,
    environment: { unitClock },
  } = call.engine
  const { client } = call
  const work: Work = { isOver: false, error: undefined }
  const end = (error: ReplyError | undefined): void => {
    work.isOver = true
    work.error = error
    unitClock.renew()
    blocking.wakeEverywhere(waitingName(client))
  }
  done.then(
    () => end(undefined),
    (error: unknown) => end(error instanceof ReplyError ? error : ERR.of(String(error))),
  )
  works.set(client, work)
  return work
}

/** What a client is parked under: keys are bytes, this character is none. */
function waitingName(client: Client): string {
  return `\u{231B}${client.id}`
}
