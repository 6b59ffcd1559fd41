// The failure of a command: its caller gets an error, or the process stops.
//
// A ReplyError is the user's mistake, and becomes the reply. Any other error is a bug of the
// server. It should not take all queues down: the error is logged, the command's client gets an
// error, and the server goes on. That needs certainty that nothing has changed. No entry has passed
// the gate (invariant 6), no effect was made, and the command has reported no change. Otherwise
// memory may hold half a change that the journal does not have. Then the process stops before it
// writes or acknowledges anything of this turn. After the restart the journal has the right state.
// See docs/decisions/0013-last-line-of-defence.md.

import { ERR, ReplyError } from '../../protocol/errors.ts'
import { ArenaFull } from '../../store/memory/arena.ts'
import { assert } from '../../util/assert.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Call } from './call.ts'

/** The most characters of an internal error that its user is shown. */
const MISTAKE_LENGTH_MAX = 200

/** Thrown when memory and journal may differ. It must not be caught: the process must stop. */
export class UnfinishedChange extends Error {
  constructor(cause: unknown) {
    super('a command failed halfway through a change', { cause })
    this.name = 'UnfinishedChange'
  }
}

/**
 * Replies for a call whose command threw `error`, or throws an error that stops the process. The
 * other arguments date from before the command ran: the count of changes begun, and the place where
 * its reply began.
 */
export function answerFailure(
  call: Call,
  error: unknown,
  changesBegun: number,
  source: Source,
  position: number,
): void {
  const { engine, command } = call
  if (error instanceof ArenaFull) {
    call.reply.error(ERR.outOfMemory)
    return
  }
  let reply: ReplyError
  if (error instanceof ReplyError) {
    if (CHECKED && call.changes !== 0 && call.propagates)
      assert(
        call.effects !== undefined,
        'what a refused command has changed is journaled in words that are not refused',
      )
    reply = error
  } else {
    if (error instanceof UnfinishedChange) throw error
    if (engine.data.dataset.changesBegun !== changesBegun || call.changes !== 0 || call.effects !== undefined) {
      engine.environment.log.fatal(
        { command: command.name, error },
        'a command failed halfway through a change: stopping',
      )
      throw new UnfinishedChange(error)
    }
    reply = reportMistake(call, { command: command.name }, error)
    startOver(call, source, position)
  }
  call.reply.error(reply)
  command.failed++
  engine.figures.stats.countError(reply)
}

/** Logs a bug of the server, and returns the error for the user. */
export function reportMistake({ engine }: Call, where: object, error: unknown): ReplyError {
  engine.environment.log.error({ ...where, error }, 'a command failed in a way it never should')
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return ERR.of(`Internal error, please report it: ${text.replace(/[^ -~]/g, '.').slice(0, MISTAKE_LENGTH_MAX)}`)
}

/** Takes back the reply of a command so far. */
export function startOver({ engine, client, reply }: Call, source: Source, position: number): void {
  if (reply !== engine.requests.replies) reply.startOver?.()
  // A part of a long reply has left already: the client would read an error as a piece of the
  // reply.
  else if (!engine.requests.replies.rewind(source, position)) engine.clients.connected.close(client, 'now')
}
