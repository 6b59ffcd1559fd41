// DEBUG: for tests of clients, and of this server.
//
// What would crash, leak or reach into data structures that do not exist here is
// refused as an unknown subcommand. Off unless `enable-debug-command` allows it.

import type { Call } from '../../engine/call.ts'
import type { Client } from '../../engine/client.ts'
import { defineCommand } from '../../engine/command.ts'
import type { Config } from '../../engine/config.ts'
import { engineOf } from '../../engine/engine.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace.ts'
import { TYPE_STRING } from '../../store/value.ts'
import { globMatch } from '../../util/glob.ts'
import { stringEncoding } from '../generic/object-encoding.ts'
import { isAllowed } from './allowed.ts'
import { digest, digestValue } from './debug-digest.ts'
import { help } from './debug-help.ts'
import { populate } from './debug-populate.ts'
import { error, protocol } from './debug-replies.ts'

interface Subcommand {
  /** Words after the subcommand: so many, and no more than that, or than `most`. */
  words: number
  most?: number
  run(call: Call): void
}

export const debug = defineCommand({
  name: 'DEBUG',
  summary: 'Holds what tests of clients and of this server need.',
  group: 'server',
  docFlags: ['syscmd'],
  since: '1.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  reply: 'depends on the subcommand',
  forbidden,
  run(call) {
    // Admission asks only where something is special.
    const refusal = forbidden(call.engine.config, call.client)
    if (refusal !== undefined) throw refusal
    const word = call.args.string(1)
    const subcommand = SUBCOMMANDS.get(word.toUpperCase())
    const words = call.args.length - 2
    if (subcommand === undefined || words < subcommand.words || words > (subcommand.most ?? subcommand.words)) {
      throw ERR.of(`unknown subcommand or wrong number of arguments for '${word.slice(0, 128)}'. Try DEBUG HELP.`)
    }
    subcommand.run(call)
  },
})

function forbidden(config: Config, client: Client): ReplyError | undefined {
  return isAllowed(config, client, 'enable-debug-command') ? undefined : NOT_ALLOWED
}

const NOT_ALLOWED = ERR.of(
  'DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, ' +
    'otherwise you need to set this option in the configuration file, and then restart the server.',
)

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map([
  ['DIGEST', { words: 0, run: digest }],
  ['DIGEST-VALUE', { words: 0, most: Number.POSITIVE_INFINITY, run: digestValue }],
  ['ERROR', { words: 1, run: error }],
  ['HELP', { words: 0, run: help }],
  ['LOG', { words: 1, run: log }],
  ['OBJECT', { words: 1, run: object }],
  ['POPULATE', { words: 1, most: 3, run: populate }],
  ['PROTOCOL', { words: 1, run: protocol }],
  ['RELOAD', { words: 0, most: Number.POSITIVE_INFINITY, run: reload }],
  ['SLEEP', { words: 1, run: sleep }],
  ['SET-ACTIVE-EXPIRE', { words: 1, run: setActiveExpire }],
  ['STRINGMATCH-LEN', { words: 2, run: stringMatch }],
])

/** Stops the whole server, as the name says: nobody is served meanwhile. */
function sleep(call: Call): void {
  // As strtod in Redis: what is no number is no time.
  const seconds = Number.parseFloat(call.args.string(2))
  const milliseconds = seconds > 0 ? seconds * 1000 : 0
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
  call.reply.ok()
}

function object(call: Call): void {
  const { db } = call
  const entry = db.find(call.key(2))
  if (entry === NONE) throw ERR.noSuchKey
  const idle = db.idleSeconds(entry)
  const lru = (call.engine.dataset.accessSeconds - idle) & 0xffffff
  call.reply.status(
    `Value at:0x${entry.toString(16).padStart(12, '0')} refcount:1 encoding:${encodingOf(call, entry)} ` +
      `serializedlength:${db.entryBytes(entry)} lru:${lru} lru_seconds_idle:${idle}`,
  )
}

function encodingOf({ db }: Call, entry: number): string {
  return db.typeOf(entry) === TYPE_STRING ? stringEncoding(db, entry) : db.structureOf(entry).encoding
}

function log(call: Call): void {
  call.engine.log.warn({ text: call.args.string(2) }, 'DEBUG LOG')
  call.reply.ok()
}

/**
 * The data through a snapshot and back: what is lost on the way shows. NOSAVE loads the snapshot that is there. To load it beside
 * what is there (NOFLUSH, MERGE) is not possible here.
 */
function reload(call: Call): void {
  const { args, client } = call
  let saves = true
  for (let i = 2; i < args.length; i++) {
    if (args.equalsIgnoreCase(i, 'NOSAVE')) saves = false
    else if (args.equalsIgnoreCase(i, 'NOFLUSH') || args.equalsIgnoreCase(i, 'MERGE')) throw NOT_BESIDE
    else throw ERR.of('DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.')
  }
  const engine = engineOf(call)
  const { saving } = engine
  if (saving === undefined || saving.busyWith === 'save') throw RELOAD_FAILED
  client.paused = true
  saving.reload(saves, (reloaded) => {
    client.paused = false
    engine.dispatch.replyTo(client, (reply) => (reloaded ? reply.ok() : reply.error(RELOAD_FAILED)))
    engine.turn.resumeSoon(client)
  })
}

const NOT_BESIDE = ERR.of('DEBUG RELOAD cannot load beside what is there: MERGE and NOFLUSH are not supported')
const RELOAD_FAILED = ERR.of('Error trying to load the RDB dump, check server logs.')

function setActiveExpire(call: Call): void {
  // As atoi in Redis: what is no number is 0.
  const active = Number.parseInt(call.args.string(2), 10) !== 0 && /^\s*[+-]?\d/.test(call.args.string(2))
  call.engine.config.set('active-expire-enabled', active ? 'yes' : 'no')
  call.reply.ok()
}

function stringMatch(call: Call): void {
  call.reply.integer(globMatch(call.args.string(2), call.args.string(3)) ? 1 : 0)
}
