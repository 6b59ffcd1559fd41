// DEBUG: for tests of clients, and of this server.
//
// Switches that matter only to tests of Redis are accepted and have no effect. Subcommands that
// would crash the server are refused. Those about Redis's allocator or its C structures (MALLCTL,
// STRUCTSIZE) are unknown. DEBUG is off unless `enable-debug-command` allows it. AUDIT is always
// allowed: it changes nothing, and a restart to allow it would lose the memory in question.

import type { Config } from '../../config/config.ts'
import type { Client } from '../../engine/clients/client.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import { globMatch } from '../../util/bytes/glob.ts'
import { stopEverything } from '../../util/time/block-process.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { writeConfigFile } from './config-rewrite.ts'
import { audit } from './debug-audit.ts'
import { clientEviction } from './debug-client-eviction.ts'
import { digest, digestValue } from './debug-digest.ts'
import { help } from './debug-help.ts'
import { populate } from './debug-populate.ts'
import { loadAof, reload } from './debug-reload.ts'
import { error, protocol } from './debug-replies.ts'
import {
  changeReplicationId,
  clusterLink,
  disableDenyScripts,
  dropPackets,
  journalSleep,
  nothing,
  packedThreshold,
  replyBuffer,
  setActiveExpire,
  skipChecksums,
} from './debug-switches.ts'
import { databaseTables, valueTable } from './debug-tables.ts'
import { listpack, object, quicklist, sdsLength } from './debug-values.ts'
import { isAllowed } from './enable-setting.ts'

interface Subcommand {
  /** The number of words after the subcommand: exactly `words`, or from `words` to `most`. */
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
    // Admission checks this only while some condition holds, so it is checked here, too.
    const refusal = forbidden(call.engine.config, call.client, call.args)
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

function forbidden(config: Config, client: Client, args: Arguments): ReplyError | undefined {
  if (args.length > 1 && args.equalsIgnoreCase(1, 'AUDIT')) return undefined
  return isAllowed(config, client, 'enable-debug-command') ? undefined : NOT_ALLOWED
}

const NOT_ALLOWED = ERR.of(
  'DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, ' +
    'otherwise you need to set this option in the configuration file, and then restart the server.',
)

const ANY_NUMBER = Number.POSITIVE_INFINITY

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map([
  ['AOF-FLUSH-SLEEP', { words: 1, run: journalSleep }],
  ['ASSERT', { words: 0, most: ANY_NUMBER, run: refuseToCrash }],
  ['AUDIT', { words: 0, most: 2, run: audit }],
  ['CHANGE-REPL-ID', { words: 0, run: changeReplicationId }],
  ['CLIENT-EVICTION', { words: 0, run: clientEviction }],
  ['CLUSTERLINK', { words: 3, run: clusterLink }],
  ['CONFIG-REWRITE-FORCE-ALL', { words: 0, run: rewriteConfig }],
  ['CRASH-AND-RECOVER', { words: 0, most: ANY_NUMBER, run: refuseToRestart }],
  ['DIGEST', { words: 0, run: digest }],
  ['DIGEST-VALUE', { words: 0, most: ANY_NUMBER, run: digestValue }],
  ['DROP-CLUSTER-PACKET-FILTER', { words: 1, run: dropPackets }],
  ['ERROR', { words: 1, run: error }],
  ['HELP', { words: 0, run: help }],
  ['HTSTATS', { words: 1, most: ANY_NUMBER, run: databaseTables }],
  ['HTSTATS-KEY', { words: 1, most: ANY_NUMBER, run: valueTable }],
  ['LEAK', { words: 1, run: nothing }],
  ['LISTPACK', { words: 1, run: listpack }],
  ['LOADAOF', { words: 0, most: ANY_NUMBER, run: loadAof }],
  ['LOG', { words: 1, run: log }],
  ['OBJECT', { words: 1, run: object }],
  ['OOM', { words: 0, most: ANY_NUMBER, run: refuseToCrash }],
  ['PANIC', { words: 0, most: ANY_NUMBER, run: refuseToCrash }],
  ['PAUSE-CRON', { words: 1, run: nothing }],
  ['POPULATE', { words: 1, most: 3, run: populate }],
  ['PROTOCOL', { words: 1, run: protocol }],
  ['QUICKLIST', { words: 1, most: 2, run: quicklist }],
  ['QUICKLIST-PACKED-THRESHOLD', { words: 1, run: packedThreshold }],
  ['RELOAD', { words: 0, most: ANY_NUMBER, run: reload }],
  ['REPLICATE', { words: 1, most: ANY_NUMBER, run: nothing }],
  ['REPLYBUFFER', { words: 2, run: replyBuffer }],
  ['RESTART', { words: 0, most: ANY_NUMBER, run: refuseToRestart }],
  ['SDSLEN', { words: 1, run: sdsLength }],
  ['SEGFAULT', { words: 0, most: ANY_NUMBER, run: refuseToCrash }],
  ['SET-ACTIVE-EXPIRE', { words: 1, run: setActiveExpire }],
  ['SET-DISABLE-DENY-SCRIPTS', { words: 1, run: disableDenyScripts }],
  ['SET-SKIP-CHECKSUM-VALIDATION', { words: 1, run: skipChecksums }],
  ['SLEEP', { words: 1, run: sleep }],
  ['STRINGMATCH-LEN', { words: 2, run: stringMatch }],
  ['STRINGMATCH-TEST', { words: 0, run: stringMatchTest }],
])

/**
 * The code cannot touch invalid memory, so such a crash tests nothing that `kill -9` does not test.
 */
function refuseToCrash(call: Call): void {
  throw ERR.of(`DEBUG ${call.args.string(1).toUpperCase()} is not supported: end the process with a signal instead`)
}

/**
 * Redis's reply when it cannot restart itself. A supervisor can restart the process (after
 * SHUTDOWN, or a signal).
 */
function refuseToRestart(call: Call): void {
  if (call.args.length > 2) call.args.integer(2)
  call.engine.environment.log.warn(
    {},
    'DEBUG RESTART and CRASH-AND-RECOVER are not supported: the program that started the server can start it again',
  )
  throw ERR.of('failed to restart the server. Check server logs.')
}

/** Stops the whole server, as the name says; no client is served meanwhile. */
function sleep(call: Call): void {
  // Like strtod in Redis: text that is no number is 0.
  const seconds = Number.parseFloat(call.args.string(2))
  if (seconds > 0) stopEverything(seconds * 1000)
  call.reply.ok()
}

function log(call: Call): void {
  call.engine.environment.log.warn({ text: call.args.string(2) }, 'DEBUG LOG')
  call.reply.ok()
}

/** A CONFIG REWRITE that writes every setting, also the defaults. */
function rewriteConfig(call: Call): void {
  const failure = writeConfigFile(call.engine, 'every')
  if (failure !== undefined) throw ERR.of(`CONFIG-REWRITE-FORCE-ALL failed: ${failure}`)
  call.reply.ok()
}

function stringMatch(call: Call): void {
  call.reply.integer(globMatch(call.args.string(2), call.args.string(3)) ? 1 : 0)
}

/** The number of random patterns of STRINGMATCH-TEST, which take some tenths of a second. */
const MATCHES_TRIED = 100_000
const PATTERN_BYTES_MAX = 32

function stringMatchTest(call: Call): void {
  const {
    environment: { random },
  } = call.engine
  const text = (): string => {
    const length = random.below(PATTERN_BYTES_MAX)
    return String.fromCharCode(...Array.from({ length }, () => random.below(128)))
  }
  for (let i = 0; i < MATCHES_TRIED; i++) globMatch(text(), text())
  call.reply.status('Apparently Redis did not crash: test passed')
}
