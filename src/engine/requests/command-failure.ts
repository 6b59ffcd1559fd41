// A command has thrown: either its caller gets an error, or the process stops.
//
// A ReplyError is its user's mistake, and the reply. Anything else is a mistake of ours. Whoever comes by one should get an
// error, not take everybody's queues down: the command is answered, the mistake is logged, and the server goes on, as
// long as it is certain that nothing has changed: no entry passed the gate (invariant 6), nothing came into being, the command
// has told of no change. Otherwise memory may hold half a change that the journal knows nothing of. Then the process stops,
// before anything of this turn is written or acknowledged: what starts again from the journal is right.
// See docs/decisions/0013-last-line-of-defence.md.

import { ERR, ReplyError } from '../../protocol/errors.ts'
import { ArenaFull } from '../../store/memory/arena.ts'
import { assert } from '../../util/assert.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Call } from './call.ts'

/** Longest text of a mistake of ours that its user is told. */
const MISTAKE_LENGTH_MAX = 200

/** Thrown when memory and journal may differ. Nobody may catch it: the process must stop. */
export class UnfinishedChange extends Error {
  constructor(cause: unknown) {
    super('a command failed halfway through a change', { cause })
    this.name = 'UnfinishedChange'
  }
}

/**
 * Answers a call whose command threw `error`, or throws what stops the process. The others are figures from before it ran: the
 * changes begun so far, and where its reply began.
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

/** Logs a mistake of ours and returns what the user is told of it. */
export function reportMistake({ engine }: Call, where: object, error: unknown): ReplyError {
  engine.environment.log.error({ ...where, error }, 'a command failed in a way it never should')
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return ERR.of(`Internal error, please report it: ${text.replace(/[^ -~]/g, '.').slice(0, MISTAKE_LENGTH_MAX)}`)
}

/** Takes back what the command has replied so far. */
export function startOver({ engine, client, reply }: Call, source: Source, position: number): void {
  if (reply !== engine.requests.replies) reply.startOver?.()
  // A part of a long reply has left the buffer: an error after it would be read as a piece of the reply.
  else if (!engine.requests.replies.rewind(source, position)) engine.clients.connected.close(client, 'now')
}
