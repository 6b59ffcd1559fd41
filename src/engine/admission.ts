// May this command run now? Asked only when something is special: a client that
// has not authenticated, queues a transaction or is subscribed; a server that is
// loading, paused, out of memory or unable to write its journal.
//
// The order of the questions is Redis's: it decides which error a client sees.

import type { Arguments } from '../protocol/arguments.ts'
import { ERR, type ReplyError } from '../protocol/errors.ts'
import { QueryBufferOverflow } from '../protocol/request-parser.ts'
import { CLIENT_MULTI, CLIENT_SUBSCRIBED, CLIENT_UNAUTHENTICATED, type Client } from './client.ts'
import type { Claims, Command } from './command.ts'
import {
  ENGINE_BUSY,
  ENGINE_JOURNAL_FAILED,
  ENGINE_LOADING,
  ENGINE_MEMORY_LIMITED,
  ENGINE_PAUSED,
  ENGINE_SAVE_FAILED,
  ENGINE_SNAPSHOT,
  type Engine,
} from './engine.ts'

/** Commands that act at once inside MULTI instead of being queued. */
const NOT_QUEUED = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset'])
/** Commands that end a transaction: they run even when there is no memory for queueing more. */
const ENDS_TRANSACTION = new Set(['exec', 'discard', 'quit', 'reset'])
/** What a RESP2 client may do while it is subscribed. */
const WHILE_SUBSCRIBED = new Set([
  'subscribe',
  'psubscribe',
  'ssubscribe',
  'unsubscribe',
  'punsubscribe',
  'sunsubscribe',
  'ping',
  'quit',
  'reset',
])

/** Returns true when the command may run; otherwise it was refused, queued or held, and replied to. */
export function admit(engine: Engine, client: Client, command: Command, args: Arguments): boolean {
  const { flags } = command
  const inMulti = (client.state & CLIENT_MULTI) !== 0
  const claims = command.declared?.(engine, args) ?? command
  const forbidden = command.forbidden?.(engine, client)
  if (forbidden !== undefined) return refuse(engine, client, command, forbidden)
  if ((client.state & CLIENT_UNAUTHENTICATED) !== 0 && !client.authenticated && !flags.has('no_auth')) {
    return refuse(engine, client, command, ERR.noAuth)
  }
  if (inMulti && flags.has('no_multi')) {
    return refuse(engine, client, command, ERR.of('Command not allowed inside a transaction'))
  }
  const isBusy = (engine.state & ENGINE_BUSY) !== 0
  if (isBusy && !flags.has('allow_busy')) return refuse(engine, client, command, engine.scripts.busy ?? ERR.busy)
  // What a script works on is not evicted under its hands.
  if ((engine.state & ENGINE_MEMORY_LIMITED) !== 0 && !isBusy && !engine.eviction.makeRoom()) {
    const needsMemory =
      claims.isDenyoom ||
      (inMulti && !ENDS_TRANSACTION.has(command.name)) ||
      (command.name === 'exec' && client.transaction?.needsMemory === true)
    if (needsMemory) return refuse(engine, client, command, ERR.outOfMemory)
  }
  if ((engine.state & (ENGINE_JOURNAL_FAILED | ENGINE_SAVE_FAILED)) !== 0) {
    const writes = claims.isWrite || command.name === 'ping' || (command.name === 'exec' && client.transaction?.writes)
    const isSave = (engine.state & ENGINE_SAVE_FAILED) !== 0
    if (writes) {
      return refuse(engine, client, command, isSave ? ERR.misconfRdb : ERR.misconfAof(engine.journal.failure ?? ''))
    }
  }
  if ((client.state & CLIENT_SUBSCRIBED) !== 0 && client.protocol === 2 && !WHILE_SUBSCRIBED.has(command.name)) {
    return refuse(
      engine,
      client,
      command,
      ERR.of(
        `Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      ),
    )
  }
  if ((engine.state & ENGINE_LOADING) !== 0 && !flags.has('loading')) {
    return refuse(engine, client, command, ERR.loading)
  }
  if ((engine.state & ENGINE_PAUSED) !== 0 && pauseConcerns(engine, client, command, claims)) {
    engine.pause.hold(client, args)
    return false
  }
  if ((engine.state & ENGINE_SNAPSHOT) !== 0 && engine.saving!.holds(client, command, args)) return false
  if (inMulti && !NOT_QUEUED.has(command.name)) {
    const transaction = client.transaction!
    transaction.add(command, args, claims)
    if (client.queryBufferBytesMax < 0) throw new QueryBufferOverflow()
    engine.replies.status('QUEUED')
    return false
  }
  return true
}

function refuse(engine: Engine, client: Client, command: Command, error: ReplyError): false {
  engine.reject(client, command, error)
  return false
}

function pauseConcerns(engine: Engine, client: Client, command: Command, claims: Claims): boolean {
  if (engine.pause.mode === 'all') return true
  return claims.isWrite || claims.mayReplicate || (command.name === 'exec' && client.transaction?.mayReplicate === true)
}
