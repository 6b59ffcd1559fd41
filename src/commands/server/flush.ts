// FLUSHDB, FLUSHALL: empty one database, or all.
//
// SYNC and ASYNC are the same here: a database frees its memory as a whole, without visiting any
// value (Database.clear). Both commands are journaled even if there was no key, which counts as no
// change. A replica may have keys that this server has lost.

import type { Word } from '../../engine/effects/effects.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

const common = {
  group: 'server',
  since: '1.0.0',
  acl: ['keyspace', 'dangerous'],
  arity: -1,
  flags: ['write'],
  args: [
    {
      name: 'flush-type',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'async', type: 'pure-token', token: 'ASYNC', since: '4.0.0' },
        { name: 'sync', type: 'pure-token', token: 'SYNC', since: '6.2.0' },
      ],
    },
  ],
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  reply: 'status: OK',
} as const satisfies Partial<CommandSpec>

export const flushdb = defineCommand({
  ...common,
  name: 'FLUSHDB',
  summary: 'Removes every key of the selected database.',
  complexity: 'O(1): no key is visited',
  history: [
    ['4.0.0', 'Accepts ASYNC.'],
    ['6.2.0', 'Accepts SYNC.'],
  ],
  run(call) {
    checkOption(call)
    empty(call, call.db)
    flushed(call)
    call.reply.ok()
  },
})

export const flushall = defineCommand({
  ...common,
  name: 'FLUSHALL',
  summary: 'Removes every key of every database.',
  complexity: 'O(N) with N databases: no key is visited',
  history: [
    ['4.0.0', 'Accepts ASYNC.'],
    ['6.2.0', 'Accepts SYNC.'],
  ],
  run(call) {
    checkOption(call)
    emptyAll(call)
    if (!savesEmptiness(call)) call.reply.ok()
  },
})

/** Removes everything; journals `words`, or the request as it came. */
export function emptyAll(call: Call, ...words: Word[]): void {
  const {
    databases,
    upkeep: { replicaExpiry },
  } = call.engine
  for (const database of databases) empty(call, database)
  replicaExpiry.forget()
  flushed(call, words)
}

function checkOption({ args }: Call): void {
  if (args.length === 1) return
  if (args.length > 2 || !(args.equalsIgnoreCase(1, 'SYNC') || args.equalsIgnoreCase(1, 'ASYNC'))) throw ERR.syntax
}

function empty(call: Call, database: Database): void {
  const engine = call.engine
  if (database.size === 0) return
  // WATCH breaks only for keys that existed, so this is checked before they are removed.
  engine.data.watches.databaseReplaced(database, (key) => database.keys.find(key) !== NONE)
  // A client that waits for a group (XREADGROUP) must learn that the group is gone.
  engine.blocking.contentsReplaced(database)
  call.changes += database.size
  database.clear()
}

function flushed(call: Call, words: readonly Word[] = []): void {
  const { args } = call
  if (words.length > 0) call.propagate(...words)
  else if (args.length === 1) call.propagate(args.bytes(0))
  else call.propagate(args.bytes(0), args.bytes(1))
  call.engine.effects.durability.changedEverywhere()
  call.engine.clients.tracking.flushed()
}

/**
 * When there are save points, Redis saves the empty data before it answers FLUSHALL, so no later
 * crash brings the data back. This server does the same, and the client waits. A transaction or a
 * script cannot wait, and behind a rewrite the wait could be long: there the snapshot follows the
 * reply.
 */
function savesEmptiness(call: Call): boolean {
  const { engine } = call
  const { saving } = engine.parts
  if (saving === undefined || saving.isBackup || engine.config.get('save').length === 0) return false
  if (call.client.isObeyed) return false
  call.changes = 0
  if (!call.mayBlock || call.fromScript || saving.busyWith === 'rewrite') {
    saving.saveEmptiness(() => {})
    return false
  }
  // As in Redis, a snapshot that fails refuses nothing here: the save points will try again.
  call.whenDone(
    (done) => saving.saveEmptiness(done),
    (reply) => reply.ok(),
  )
  return true
}
