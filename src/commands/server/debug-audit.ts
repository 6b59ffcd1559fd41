// DEBUG AUDIT [PARTS n]: compares the data in memory with the append-only file. Only its client
// waits.
//
// The reply is a map: keys (compared), differing (their number), parts, milliseconds, and named.
// The last lists up to a thousand differing keys, each as an array of database, key and difference
// (engine/effects/saving.ts).

import type { AuditReport } from '../../engine/effects/saving.ts'
import { describeNoAudit, NoAudit, PARTS_MAX } from '../../persistence/audit/audit.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import type { Call } from '../call.ts'

export function audit(call: Call): void {
  const { args, mayBlock } = call
  if (args.length === 3 || (args.length === 4 && !args.equalsIgnoreCase(2, 'PARTS'))) throw ERR.syntax
  const parts = args.length === 4 ? Number(args.integer(3)) : undefined
  if (parts !== undefined && (parts < 1 || parts > PARTS_MAX)) throw ERR.of(`PARTS is a number from 1 to ${PARTS_MAX}`)
  const { saving } = call.engine.parts
  if (!mayBlock) throw ERR.of('DEBUG AUDIT is not allowed in a transaction')
  if (saving === undefined) throw noAudit(new NoAudit('there are no files to compare with'))
  try {
    call.whenDone<AuditReport | Error>((done) => saving.audit(parts, done), writeOutcome)
  } catch (error) {
    if (!(error instanceof NoAudit)) throw error
    throw noAudit(error)
  }
}

function writeOutcome(reply: Reply, outcome: AuditReport | Error): void {
  if (outcome instanceof Error) reply.error(noAudit(outcome))
  else write(reply, outcome)
}

function noAudit(error: Error): ReplyError {
  return ERR.of(`There was no audit: ${describeNoAudit(error).replace(/\s+/g, ' ')}`)
}

function write(reply: Reply, { differing, keys, milliseconds, named, parts }: AuditReport): void {
  reply.map(5)
  reply.text('keys')
  reply.integer(keys)
  reply.text('differing')
  reply.integer(differing)
  reply.text('parts')
  reply.integer(parts)
  reply.text('milliseconds')
  reply.integer(Math.round(milliseconds))
  reply.text('named')
  reply.array(named.length)
  for (const { database, key, what } of named) {
    reply.array(3)
    reply.integer(database)
    reply.text(key)
    reply.text(what)
  }
}
