// MIGRATE: moves keys to another server, or copies them there.
//
// Redis blocks all clients meanwhile. Here only this client waits, and clients that want to change
// one of the keys.
//
// The command runs twice. The first run sends the keys (replication/migrations.ts). The second run,
// after the target's answer, removes the keys that the target has. A key that was changed
// nevertheless stays.

import { keyOf } from '../../engine/data/key-name.ts'
import type { Word } from '../../engine/effects/effects.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Migration, MigrationOrder } from '../../replication/migration.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

const KEY_AT = 3
const OPTIONS_AT = 6
/** The timeout without progress, for commands that give none. */
const TIMEOUT_MS = 1000
const KEY_NOT_EMPTY = ERR.of('When using MIGRATE KEYS option, the key argument must be set to the empty string')
const NOT_POSSIBLE = ERR.of('MIGRATE is not possible here')
const CANNOT_WAIT = ERR.of('MIGRATE waits for another server, which is not possible in a transaction or a script')
const CHANGED = ERR.of(
  'Keys changed while they were migrated, and stay here: the target instance has their earlier values',
)

interface MigrateOptions {
  copies: boolean
  replaces: boolean
  credentials: readonly string[]
  /** The index of the first key, and of the argument after the last. */
  first: number
  end: number
}

export const migrate = defineCommand({
  name: 'MIGRATE',
  summary: 'Moves keys to another server, or copies them there.',
  group: 'generic',
  since: '2.6.0',
  complexity: 'O(N) with N bytes of the values, as DUMP here and RESTORE there',
  acl: ['keyspace', 'dangerous'],
  arity: -6,
  flags: ['write', 'movablekeys'],
  keys: [
    { first: KEY_AT, access: 'RW', use: ['access', 'delete'] },
    {
      keyword: { word: 'KEYS', from: -2, last: -1, step: 1 },
      access: 'RW',
      use: ['access', 'delete'],
      flags: ['incomplete'],
    },
  ],
  placesOfKeys,
  args: [
    { name: 'host', type: 'string' },
    { name: 'port', type: 'integer' },
    {
      name: 'key-selector',
      type: 'oneof',
      args: [
        { name: 'key', type: 'key', keySpec: 0 },
        { name: 'empty-string', type: 'pure-token', token: '' },
      ],
    },
    { name: 'destination-db', type: 'integer' },
    { name: 'timeout', type: 'integer' },
    { name: 'copy', type: 'pure-token', token: 'COPY', optional: true, since: '3.0.0' },
    { name: 'replace', type: 'pure-token', token: 'REPLACE', optional: true, since: '3.0.0' },
    {
      name: 'authentication',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'auth', type: 'string', token: 'AUTH', shown: 'password', since: '4.0.7' },
        {
          name: 'auth2',
          type: 'block',
          token: 'AUTH2',
          since: '6.0.0',
          args: [
            { name: 'username', type: 'string' },
            { name: 'password', type: 'string' },
          ],
        },
      ],
    },
    {
      name: 'keys',
      type: 'key',
      keySpec: 1,
      token: 'KEYS',
      shown: 'key',
      optional: true,
      multiple: true,
      since: '3.0.6',
    },
  ],
  tips: ['nondeterministic_output'],
  history: [
    ['3.0.0', 'Accepts `COPY` and `REPLACE`.'],
    ['3.0.6', 'Takes several keys behind `KEYS`.'],
    ['4.0.7', 'Accepts `AUTH`.'],
    ['6.0.0', 'Accepts `AUTH2`.'],
  ],
  reply: 'status: OK; NOKEY when there is none of the keys',
  mayWait: true,
  hides: (args, i) => i > OPTIONS_AT && secretsOf(args).includes(i),
  run(call) {
    if (call.retrying) return finish(call)
    const { args, client } = call
    const { migrations } = call.engine.parts.replication
    const { copies, replaces, credentials, first, end } = readOptions(call)
    const timeout = args.integer(5)
    const database = String(args.integer(4))
    const keys: Bytes[] = []
    for (let i = first; i < end; i++) if (call.db.findForRead(call.key(i)) !== NONE) keys.push(call.key(i))
    if (keys.length === 0) return call.reply.status('NOKEY')
    if (!call.mayBlock || client.isObeyed) throw CANNOT_WAIT
    if (migrations === undefined) throw NOT_POSSIBLE
    const order: MigrationOrder = {
      // As C's atoi reads it.
      target: { host: args.string(1), port: Number.parseInt(args.string(2), 10) || 0 },
      database,
      timeoutMs: timeout <= 0 ? TIMEOUT_MS : Number(timeout),
      credentials,
      replaces,
    }
    migrations.begin(call, order, keys, !copies)
  },
})

/** Removes the keys that the target has, unless COPY was given, and replies. */
function finish(call: Call): void {
  const migration = call.engine.parts.replication.migrations?.outcome(call)
  if (migration === undefined) return
  const allAsSent = remove(call, migration)
  const error = migration.error ?? (allAsSent ? undefined : CHANGED)
  if (error !== undefined) throw error
  call.reply.ok()
}

/**
 * Returns false if a key has changed since it was sent, so it stays. A key that is gone by now
 * counts as moved.
 */
function remove(call: Call, { taken }: Migration): boolean {
  const removed: Word[] = ['DEL']
  let allAsSent = true
  for (const { name, held } of taken) {
    // It was to be copied.
    if (held === undefined) continue
    const key = keyOf(name)
    if (call.db.find(key) === NONE) continue
    if (held.watched.broken) {
      allAsSent = false
      continue
    }
    call.db.delete(key)
    call.changed(key, 'del')
    removed.push(key)
  }
  if (removed.length > 1) call.propagate(...removed)
  return allAsSent
}

function readOptions(call: Call): MigrateOptions {
  const { args } = call
  const found: MigrateOptions = { copies: false, replaces: false, credentials: [], first: KEY_AT, end: KEY_AT + 1 }
  const options = call.options(OPTIONS_AT)
  while (options.next()) {
    if (options.is('COPY')) found.copies = true
    else if (options.is('REPLACE')) found.replaces = true
    else if (options.is('AUTH')) found.credentials = [options.string()]
    else if (options.is('AUTH2') && options.has(2)) found.credentials = [options.string(), options.string()]
    else if (options.is('KEYS')) {
      if (args.bytes(KEY_AT).length > 0) throw KEY_NOT_EMPTY
      found.first = options.index + 1
      found.end = args.length
      break
    } else throw ERR.syntax
  }
  return found
}

/**
 * Finds the keys as Redis does: behind KEYS, unless that word is a password; otherwise the single
 * key at its usual index.
 */
function placesOfKeys(args: Arguments, from: number): readonly number[] | undefined {
  for (let i = from + OPTIONS_AT; i < args.length; i++) {
    if (args.equalsIgnoreCase(i, 'AUTH')) i++
    else if (args.equalsIgnoreCase(i, 'AUTH2')) i += 2
    else if (args.equalsIgnoreCase(i, 'KEYS')) {
      if (args.bytes(from + KEY_AT).length > 0) return undefined
      const places: number[] = []
      for (let place = i + 1; place < args.length; place++) places.push(place)
      return places
    }
  }
  return [from + KEY_AT]
}

/** The indices of user names and passwords. */
function secretsOf(args: Arguments): number[] {
  const places: number[] = []
  for (let i = OPTIONS_AT; i < args.length && !args.equalsIgnoreCase(i, 'KEYS'); i++) {
    if (args.equalsIgnoreCase(i, 'AUTH')) places.push(++i)
    else if (args.equalsIgnoreCase(i, 'AUTH2')) places.push(++i, ++i)
  }
  return places
}
