// Every setting: its kind, its default, whether it may change while running, and a sentence for the
// documentation.
//
// Names, defaults and bounds are redis-server 7.2's, so that its configuration files work here. A
// row that is `inert` is accepted, checked, shown and written back, but nothing depends on it
// (yet).

import { resolve } from 'node:path'
import { BULK_BYTES_MAX, QUERY_BUFFER_BYTES_MAX } from '../protocol/limits.ts'
import { itemAt } from '../util/array-reads.ts'
import { quoted } from '../util/bytes/quoted.ts'
import { fillTemplate } from '../util/bytes/template.ts'
import { INT64_MAX } from '../util/numbers/numbers.ts'
import { type ChannelRule, formatChannelRules, formatOptions, parseChannelRules } from './channel-rules.ts'
import {
  base,
  ConfigError,
  type ConfigRow,
  duration,
  formatMemory,
  integer,
  memory,
  numbers,
  octal,
  oneOf,
  optionalText,
  parseMemory,
  quoteWhereNeeded,
  splitWords,
  text,
  UINT64_MAX,
  yesNo,
} from './config-kinds.ts'
import { type DurabilityRule, formatDurabilityRules, parseDurabilityRules } from './durability-rules.ts'
import { formatEventFlags, parseEventFlags } from './event-flags.ts'

export { type ConfigRow, parseMemory } from './config-kinds.ts'

/** Output limits of one class of clients; 0 bytes = no such limit. */
export interface OutputLimit {
  readonly hardBytes: number
  readonly softBytes: number
  readonly softSeconds: number
}

export const OUTPUT_CLASSES = ['normal', 'replica', 'pubsub'] as const
export type OutputLimitTable = Readonly<Record<(typeof OUTPUT_CLASSES)[number], OutputLimit>>

/** The old names of the classes, which CONFIG GET still shows. */
const OUTPUT_CLASS_NAMES = { normal: 'normal', replica: 'slave', pubsub: 'pubsub' }

/** Reads `class hard soft seconds …`; classes that are not named keep their limits. */
function parseOutputLimits(text: string, current: OutputLimitTable): OutputLimitTable {
  const words = text === '' ? [] : text.split(' ')
  if (words.length % 4 !== 0) throw new ConfigError('Wrong number of arguments in buffer limit configuration.')
  const limits = { ...current }
  for (let i = 0; i < words.length; i += 4) {
    const name = itemAt(words, i).toLowerCase()
    const outputClass = OUTPUT_CLASSES.find((known) => known === (name === 'slave' ? 'replica' : name))
    if (outputClass === undefined) {
      throw new ConfigError('Invalid client class specified in buffer limit configuration.')
    }
    const hardBytes = parseMemory(itemAt(words, i + 1))
    const softBytes = parseMemory(itemAt(words, i + 2))
    if (hardBytes === undefined || softBytes === undefined || !/^\+?\d+$/.test(itemAt(words, i + 3))) {
      throw new ConfigError('Error in hard, soft or soft_seconds setting in buffer limit configuration.')
    }
    limits[outputClass] = { hardBytes, softBytes, softSeconds: Number(words[i + 3]) }
  }
  return limits
}

function formatOutputLimits(limits: OutputLimitTable): string {
  return OUTPUT_CLASSES.map((name) => {
    const { hardBytes, softBytes, softSeconds } = limits[name]
    return `${OUTPUT_CLASS_NAMES[name]} ${hardBytes} ${softBytes} ${softSeconds}`
  }).join(' ')
}

/** A line for each class, under its new name and with units. */
function outputLimitLines(limits: OutputLimitTable): string[] {
  return OUTPUT_CLASSES.map((name) => {
    const { hardBytes, softBytes, softSeconds } = limits[name]
    return `${name} ${formatMemory(hardBytes)} ${formatMemory(softBytes)} ${softSeconds}`
  })
}

/** A snapshot is due when this many seconds have passed and this many changes were made. */
export interface SavePoint {
  seconds: number
  changes: number
}

function formatSavePoint({ seconds, changes }: SavePoint): string {
  return `${seconds} ${changes}`
}

const INT32_MAX = 2147483647
const PORT_MAX = 65535
const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning', 'nothing'] as const
/** In the order Redis lists them. */
const EVICTION_POLICIES = [
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'noeviction',
] as const
/** The value of each variable while a template is checked. */
const PROCESS_TITLE_VARIABLES: Readonly<Record<string, string>> = {
  title: '',
  'listen-addr': '*',
  'server-mode': '',
  port: '0',
  'tls-port': '0',
  unixsocket: '',
  'config-file': '',
}
const WHERE_ALLOWED = ['no', 'yes', 'local'] as const
const SHUTDOWN_WAYS = 'Words of SHUTDOWN (default, save, nosave, now, force) to apply when this signal arrives.'

export const CONFIG_TABLE = {
  // ── network ──
  bind: text('127.0.0.1', {
    words: true,
    doc: 'Addresses to listen on, separated by blanks; `-` before one that may be missing. Host names work only at the start.',
  }),
  port: integer(6379, 0, PORT_MAX, { doc: 'TCP port; 0 = do not listen on TCP.' }),
  unixsocket: optionalText({ immutable: true, doc: 'Path of a unix socket to listen on.' }),
  unixsocketperm: octal(0, 0o777, { immutable: true, doc: 'Permissions of the unix socket; 0 = as the umask has it.' }),
  'tcp-backlog': integer(511, 0, INT32_MAX, {
    immutable: true,
    doc: 'Connections the kernel queues before they are accepted.',
  }),
  'tcp-keepalive': integer(300, 0, INT32_MAX, { doc: 'Seconds between probes of a silent connection; 0 = none.' }),
  timeout: integer(0, 0, INT32_MAX, { doc: 'Closes clients that were idle for this many seconds; 0 = never.' }),
  maxclients: integer(10000, 1, 4294967295, { doc: 'Connections served at the same time.' }),
  'protected-mode': yesNo(true, {
    doc: 'Without a password, and when no address was configured, serve only clients on this machine.',
  }),
  'bind-source-addr': optionalText({ doc: 'Address that outgoing connections come from.' }),
  'socket-mark-id': integer(0, 0, 4294967295, { immutable: true, inert: true, doc: 'Mark on listening sockets.' }),

  // ── limits ──
  'proto-max-bulk-len': memory(BULK_BYTES_MAX, 1024 * 1024, INT64_MAX, { doc: 'Largest single argument.' }),
  'client-query-buffer-limit': memory(QUERY_BUFFER_BYTES_MAX, 1024 * 1024, INT64_MAX, {
    doc: 'Unprocessed request bytes a client may have.',
  }),
  'client-output-buffer-limit': {
    ...base({
      words: true,
      lines: true,
      doc: 'Output a client may leave unread, by class (normal, replica, pubsub): hard limit, soft limit, seconds the soft one may be exceeded.',
    }),
    kind: 'class hard soft seconds …',
    default: {
      normal: { hardBytes: 0, softBytes: 0, softSeconds: 0 },
      replica: { hardBytes: 256 * 1024 ** 2, softBytes: 64 * 1024 ** 2, softSeconds: 60 },
      pubsub: { hardBytes: 32 * 1024 ** 2, softBytes: 8 * 1024 ** 2, softSeconds: 60 },
    },
    parse: parseOutputLimits,
    format: formatOutputLimits,
    linesOf: outputLimitLines,
  } as ConfigRow<OutputLimitTable>,
  'maxmemory-clients': {
    ...base({
      doc: 'Memory of all clients together above which the largest are closed: bytes (128kb at least), or percent of maxmemory; 0 = no limit.',
    }),
    kind: 'bytes or percent',
    default: '0',
    parse(t: string) {
      const percent = /^(\d{1,18})%$/.exec(t)
      if (percent !== null) {
        if (Number(percent[1]) > 100) throw new ConfigError('percentage argument must be less or equal to 100')
        return Number(percent[1]) === 0 ? '0' : `${Number(percent[1])}%`
      }
      const bytes = parseMemory(t)
      if (bytes === undefined) throw new ConfigError('argument must be a memory or percent value')
      return String(bytes)
    },
    format: String,
    linesOf: (v) => [v.endsWith('%') ? v : formatMemory(Number(v))],
  } as ConfigRow<string>,

  // ── general ──
  databases: integer(16, 1, INT32_MAX, { immutable: true, doc: 'Number of databases.' }),
  requirepass: optionalText({ secret: true, doc: 'Password of the default user; empty = none.' }),
  loglevel: oneOf(LOG_LEVELS, 'notice', { doc: 'How much is logged.' }),
  logfile: text('', { immutable: true, doc: 'File to log to; empty = standard output.' }),
  'log-format': oneOf(['auto', 'pretty', 'json'], 'auto', {
    doc: 'How the log is written: a line of text, or of JSON, an event; auto = text on a terminal, JSON elsewhere.',
  }),
  pidfile: optionalText({ immutable: true, doc: 'File that holds the process id while the server runs.' }),
  daemonize: yesNo(false, {
    immutable: true,
    inert: true,
    doc: 'Go to the background; here the process stays in the foreground, for a service manager to run it.',
  }),
  supervised: oneOf(['upstart', 'systemd', 'auto', 'no'], 'no', {
    immutable: true,
    doc: 'The service manager that is told when clients are served and when the end begins; auto = the one that the environment names.',
  }),
  'always-show-logo': yesNo(false, { immutable: true, inert: true, doc: 'Show a logo at the start.' }),
  'set-proc-title': yesNo(true, { immutable: true, doc: 'Show the address in the process title.' }),
  'proc-title-template': text(
    '{title} {listen-addr} {server-mode}',
    {
      doc: 'Form of the process title: {title}, {listen-addr}, {server-mode}, {port}, {tls-port}, {unixsocket}, {config-file}.',
    },
    (template) => {
      // A template needs some text besides its title, its mode and its files.
      const filled = fillTemplate(template, (name) => PROCESS_TITLE_VARIABLES[name])
      return filled === undefined || filled.trim() === ''
        ? 'template format is invalid or contains unknown variables'
        : undefined
    },
  ),
  'syslog-enabled': yesNo(false, { immutable: true, inert: true, doc: 'Log to syslog.' }),
  'syslog-ident': text('redis', { immutable: true, inert: true, doc: 'Name in syslog.' }),
  'syslog-facility': oneOf(
    ['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
    'local0',
    { immutable: true, inert: true, doc: 'Facility in syslog.' },
  ),
  'enable-protected-configs': oneOf(WHERE_ALLOWED, 'no', {
    immutable: true,
    doc: 'Clients that may change protected settings (`dir`, `dbfilename`): none, all, or those on this machine.',
  }),
  'enable-debug-command': oneOf(WHERE_ALLOWED, 'no', {
    immutable: true,
    doc: 'Clients that may use DEBUG: none, all, or those on this machine.',
  }),
  'enable-module-command': oneOf(WHERE_ALLOWED, 'no', {
    immutable: true,
    doc: 'Clients that may send MODULE LOAD and UNLOAD; there are no modules.',
  }),
  'ignore-warnings': text('', { inert: true, doc: 'Warnings not to stop at.' }),
  'locale-collate': text('', { inert: true, doc: 'Locale in which SORT ALPHA compares.' }),
  'shutdown-timeout': integer(10, 0, INT32_MAX, { doc: 'Seconds SHUTDOWN waits for replicas.' }),
  'shutdown-on-sigint': shutdownWords({ doc: SHUTDOWN_WAYS }),
  'shutdown-on-sigterm': shutdownWords({ doc: SHUTDOWN_WAYS }),
  hz: clamped(
    integer(10, 0, INT32_MAX, {
      inert: true,
      doc: 'Rounds of background work a second; here work is timed to the event itself.',
    }),
    1,
    500,
  ),
  'dynamic-hz': yesNo(true, { inert: true, doc: 'Adapt hz to the number of clients.' }),
  'active-expire-enabled': yesNo(true, {
    hidden: true,
    doc: 'Remove keys when their time is up, not only when they are looked at; DEBUG SET-ACTIVE-EXPIRE switches it.',
  }),
  'active-expire-effort': integer(1, 1, 10, {
    inert: true,
    doc: 'Effort of expiry; here every key goes within milliseconds of its time.',
  }),
  activerehashing: yesNo(true, {
    inert: true,
    doc: 'Grow the key index in the background; here it always grows in small steps.',
  }),
  'busy-reply-threshold': integer(5000, 0, INT64_MAX, {
    alias: 'lua-time-limit',
    doc: 'Milliseconds after which a script is slow: others are answered BUSY, and may end it.',
  }),
  'notify-keyspace-events': {
    ...base({ doc: 'Classes of keyspace events to publish, by letter.' }),
    kind: 'letters',
    default: 0,
    parse(t: string) {
      const flags = parseEventFlags(t)
      if (flags === undefined) throw new ConfigError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
      return flags
    },
    format: formatEventFlags,
    linesOf: (flags) => [quoted(formatEventFlags(flags))],
  } as ConfigRow<number>,
  'tracking-table-max-keys': integer(1000000, 0, INT64_MAX, {
    doc: 'Keys remembered for CLIENT TRACKING; 0 = any number.',
  }),
  'acl-pubsub-default': oneOf(['allchannels', 'resetchannels'], 'resetchannels', {
    doc: 'Channels a new user may use.',
  }),
  aclfile: text('', {
    immutable: true,
    doc: 'File with the users, in `dir` unless it is an absolute path, read at the start and by ACL LOAD; empty = none.',
  }),
  'acllog-max-len': integer(128, 0, INT64_MAX, { doc: 'Refusals kept for ACL LOG.' }),

  // ── watching it ──
  'slowlog-log-slower-than': integer(10000, -1, INT64_MAX, {
    doc: 'Microseconds that make a command slow.',
  }),
  'slowlog-max-len': integer(128, 0, INT64_MAX, { doc: 'Slow commands remembered.' }),
  'latency-monitor-threshold': integer(0, 0, INT64_MAX, {
    doc: 'Milliseconds that make an event slow; 0 = do not watch.',
  }),
  'latency-tracking': yesNo(true, { doc: 'Measure the latency of each command.' }),
  'latency-tracking-info-percentiles': {
    ...numbers([50, 99, 99.9], { doc: 'Percentiles that INFO latencystats shows.' }, (texts) => {
      const name = 'latency-tracking-info-percentiles'
      for (const t of texts) {
        const isInfinite = /^[+-]?inf(inity)?$/i.test(t)
        if (!isInfinite && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(t)) return `Invalid ${name} parameters`
        if (isInfinite || Number(t) < 0 || Number(t) > 100) return `${name} parameters should sit between [0.0,100.0]`
      }
      return undefined
    }),
    // Six digits after the point, without zeros at the end.
    format: (v: readonly number[]) => v.map((percent) => String(Number(percent.toFixed(6)))).join(' '),
  },
  'crash-log-enabled': yesNo(true, { doc: 'Log a report when the server crashes, not only the error.' }),
  'watchdog-period': integer(0, 0, INT32_MAX, {
    hidden: true,
    doc: 'Milliseconds, 200 at least, from which on a command is logged when it has ended; 0 = none is.',
  }),
  'use-exit-on-panic': yesNo(false, {
    hidden: true,
    inert: true,
    doc: 'Exit instead of aborting when the server crashes.',
  }),
  'crash-memcheck-enabled': yesNo(true, { inert: true, doc: 'Test the memory when the server crashes.' }),

  'metrics-port': integer(0, 0, PORT_MAX, {
    immutable: true,
    ours: true,
    doc: 'HTTP port for /metrics (Prometheus), /healthz and /readyz; 0 = none.',
  }),
  'metrics-bind': text('127.0.0.1', { immutable: true, ours: true, doc: 'Address that the metrics are served at.' }),
  'readyz-max-link-down': integer(30, 0, INT32_MAX, {
    ours: true,
    doc: 'Seconds for which the link of a replica to its primary, or of a follower to its log, may be down before /readyz fails; 0 = any time.',
  }),
  'metrics-queues': text('', {
    words: true,
    doc: 'Key patterns, separated by blanks: the lengths of the lists, streams, sets, sorted sets and hashes that match are in the metrics. Queues of BullMQ are found without this.',
  }),

  'http-port': integer(0, 0, PORT_MAX, {
    ours: true,
    doc: 'HTTP port for browsers and other clients without TCP; 0 = none.',
  }),
  'http-tls-port': integer(0, 0, PORT_MAX, {
    ours: true,
    doc: 'As http-port, with the certificates of tls-cert-file and tls-key-file; 0 = none.',
  }),
  'http-bind': text('127.0.0.1', { ours: true, words: true, doc: 'Addresses of the HTTP ports, separated by blanks.' }),
  'http-hosts': text('', {
    ours: true,
    words: true,
    doc: 'Host names that requests may name besides addresses and localhost, separated by blanks; * = any.',
  }),
  'http-cors-origin': text('', {
    ours: true,
    words: true,
    doc: 'Origins of other sites whose pages may use the HTTP ports, separated by blanks; * = any, without cookies.',
  }),
  'http-max-body': memory(1024 * 1024, 1024, BULK_BYTES_MAX, { ours: true, doc: 'Largest body of an HTTP request.' }),
  'http-heartbeat': integer(15, 1, 3600, {
    ours: true,
    doc: 'Seconds between two signs of life on a stream over HTTP.',
  }),
  'http-streams-per-address': integer(1000, 1, INT32_MAX, {
    ours: true,
    doc: 'Streams over HTTP that one address may have open.',
  }),
  'http-streams-per-user': integer(100000, 1, INT32_MAX, {
    ours: true,
    doc: 'Streams over HTTP that one user may have open.',
  }),
  'http-rate-per-address': integer(0, 0, INT32_MAX, {
    ours: true,
    doc: 'HTTP requests a second from one address; 0 = as many as come.',
  }),
  'http-rate-per-user': integer(0, 0, INT32_MAX, {
    ours: true,
    doc: 'HTTP requests a second by one user; 0 = as many as come.',
  }),
  'http-token-secret': optionalText(
    {
      ours: true,
      secret: true,
      doc: 'Secret of the tokens (JWT) that HS256 signs, 32 bytes or more; empty = none are taken.',
    },
    (secret) =>
      secret === '' || Buffer.byteLength(secret) >= 32 ? undefined : 'a secret of tokens has 32 bytes or more',
  ),
  'http-token-keys': optionalText({
    ours: true,
    doc: 'File with public keys of tokens (JWT): PEM or a JWKS. SIGHUP reads it again.',
  }),
  'http-token-audience': optionalText({
    ours: true,
    doc: 'Audience (`aud`) that tokens must name; empty = any.',
  }),
  'http-mercure-subscriptions': yesNo(false, {
    ours: true,
    doc: 'Serve the subscription API of Mercure, and send an update when a subscription begins or ends.',
  }),
  'http-cookie': text('respite', { ours: true, doc: 'Name of the cookie that carries a token.' }),

  console: yesNo(false, {
    ours: true,
    doc: 'Serve the console, a page to look at the broker with, on the HTTP ports.',
  }),
  'console-path': {
    ...text('', {
      ours: true,
      doc: 'Path below which a proxy shows the HTTP ports, such as /respite; empty = the root.',
    }),
    parse: consolePath,
  },
  'console-session-idle': integer(1800, 1, INT32_MAX, {
    ours: true,
    doc: 'Seconds without a request after which a session of the console ends.',
  }),
  'console-session-max': integer(43200, 1, INT32_MAX, {
    ours: true,
    doc: 'Seconds after which a session of the console ends in any case.',
  }),
  'console-user-header': text('', {
    ours: true,
    doc: 'Header in which a proxy names the ACL user of the console, such as X-Forwarded-User; empty = none.',
  }),
  'console-proxies': text('', {
    ours: true,
    words: true,
    doc: 'Addresses and networks (10.0.0.0/8) of proxies whose headers count, separated by blanks.',
  }),
  'console-brokers': text('', {
    ours: true,
    words: true,
    secret: true,
    doc: 'Other brokers that the console shows: words of the form NAME=https://USER:PASSWORD@HOST/console/. It asks them as that user.',
  }),

  // ── persistence ──
  dir: {
    ...text('.', { protected: true, notWhileLoading: true, doc: 'Directory of the data files.' }),
    // CONFIG GET shows where it is, wherever the program was started.
    format: (v: string) => resolve(v),
    linesOf: (v: string) => [quoted(resolve(v))],
    alwaysWritten: true,
    defaultShown: '.',
  },
  appendonly: yesNo(false, { doc: 'Keep an append-only file.' }),
  appendfsync: oneOf(['everysec', 'always', 'no'], 'everysec', { doc: 'When the append-only file is fsynced.' }),
  durability: {
    ...base({
      words: true,
      lines: true,
      doc: 'When the writes of some keys are fsynced instead of as appendfsync says: pairs of a key pattern and always, everysec or none; the pattern with the longest literal prefix wins (docs/durability.md).',
    }),
    kind: 'pairs of pattern and policy',
    default: [],
    parse: parseDurabilityRules,
    format: formatDurabilityRules,
    linesOf: durabilityLines,
  } as ConfigRow<readonly DurabilityRule[]>,
  channel: {
    ...base({
      words: true,
      lines: true,
      doc: 'Rules for channels that keep their messages, and for slow subscribers: a channel pattern and its options (docs/channels.md); the pattern with the longest literal prefix wins.',
    }),
    kind: 'patterns and their options',
    default: [],
    parse: parseChannelRules,
    format: formatChannelRules,
    linesOf: channelLines,
  } as ConfigRow<readonly ChannelRule[]>,
  redeliver: integer(5000, 0, 3_600_000, {
    doc: 'Milliseconds: messages that a named subscriber of a kept channel was sent within this time before its connection broke are sent again (docs/channels.md).',
  }),
  appendfilename: text(
    'appendonly.aof',
    { immutable: true, doc: 'Prefix of the append-only files.' },
    fileName('appendfilename'),
  ),
  appenddirname: text(
    'appendonlydir',
    { immutable: true, doc: 'Directory of the append-only files, inside dir.' },
    fileName('appenddirname'),
  ),
  'aof-load-truncated': yesNo(true, {
    doc: 'Cut a torn end of the last append-only file instead of refusing to start.',
  }),
  'aof-use-rdb-preamble': yesNo(true, { doc: 'Write the base file as a snapshot; no = as commands.' }),
  'aof-timestamp-enabled': yesNo(false, {
    doc: 'Note the time in the append-only file, for check-aof --truncate-to-timestamp.',
  }),
  'aof-rewrite-incremental-fsync': yesNo(true, { doc: 'Fsync in steps while the file is rewritten.' }),
  'aof-disable-auto-gc': yesNo(false, { hidden: true, doc: 'Keep append-only files that are no longer needed.' }),
  'auto-aof-rewrite-percentage': integer(100, 0, INT32_MAX, {
    doc: 'Growth in percent that makes a rewrite due; 0 = never.',
  }),
  'auto-aof-rewrite-min-size': memory(64 * 1024 * 1024, 0, INT64_MAX, {
    doc: 'Size below which no rewrite is due.',
  }),
  'no-appendfsync-on-rewrite': yesNo(false, { inert: true, doc: 'Do not fsync while the file is rewritten.' }),
  save: {
    ...base({
      words: true,
      lines: true,
      doc: 'When a snapshot is due: pairs of seconds and changes; empty = never.',
    }),
    kind: 'pairs of seconds and changes',
    default: [
      { seconds: 3600, changes: 1 },
      { seconds: 300, changes: 100 },
      { seconds: 60, changes: 10000 },
    ],
    parse(t: string) {
      // CONFIG SET splits at single blanks and refuses other blanks; in a file they are no mistake.
      const words = t === '' ? [] : t.split(' ')
      const points: SavePoint[] = []
      for (let i = 0; i < words.length; i += 2) {
        const seconds = wholeNumber(words[i])
        const changes = wholeNumber(words[i + 1])
        if (seconds === undefined || changes === undefined || seconds < 1)
          throw new ConfigError('Invalid save parameters')
        points.push({ seconds, changes })
      }
      return points
    },
    format: (points) => points.map(formatSavePoint).join(' '),
    linesOf: (points) => (points.length === 0 ? ['""'] : points.map(formatSavePoint)),
    alwaysWritten: true,
  } as ConfigRow<readonly SavePoint[]>,
  dbfilename: text(
    'dump.rdb',
    { protected: true, doc: 'Name of the snapshot file, inside dir.' },
    fileName('dbfilename'),
  ),
  rdbcompression: yesNo(true, { doc: 'Compress strings in snapshots and DUMP payloads.' }),
  rdbchecksum: yesNo(true, { immutable: true, doc: 'Put a checksum at the end of snapshots.' }),
  'rdb-save-incremental-fsync': yesNo(true, { doc: 'Fsync in steps while a snapshot is written.' }),
  'rdb-key-save-delay': integer(0, -2147483648, INT32_MAX, {
    hidden: true,
    doc: 'Microseconds to wait after each key of a snapshot, for tests.',
  }),
  'key-load-delay': integer(0, -2147483648, INT32_MAX, {
    hidden: true,
    doc: 'Microseconds to wait after each key that is loaded, for tests.',
  }),
  'loading-process-events-interval-bytes': integer(2 * 1024 * 1024, 1024, INT32_MAX, {
    hidden: true,
    inert: true,
    doc: 'Bytes loaded between two looks at the clients; here they are looked at every 10 milliseconds.',
  }),
  'rdb-del-sync-files': yesNo(false, {
    doc: 'Remove snapshots that were only made for replicas, or came from a primary.',
  }),
  'stop-writes-on-bgsave-error': yesNo(true, { doc: 'Refuse writes after a snapshot failed.' }),
  'sanitize-dump-payload': oneOf(['no', 'yes', 'clients'], 'no', {
    inert: true,
    doc: 'How closely RESTORE and loading look at values; here always as closely as `yes`.',
  }),

  // ── memory ──
  maxmemory: memory(0, 0, Number.POSITIVE_INFINITY, {
    doc: 'Used memory above which keys are evicted or writes refused; 0 = no limit.',
  }),
  'maxmemory-policy': oneOf(EVICTION_POLICIES, 'noeviction', {
    doc: 'Which keys go when memory is short; under noeviction writes are refused instead.',
  }),
  'lfu-log-factor': integer(10, 0, INT32_MAX, {
    doc: 'How much slower the use counter of a key grows the higher it is.',
  }),
  'lfu-decay-time': integer(1, 0, INT32_MAX, {
    doc: 'Minutes without use after which the use counter of a key goes down by one; 0 = never.',
  }),
  'maxmemory-samples': integer(5, 1, INT32_MAX, { doc: 'Keys looked at to find one to evict.' }),
  'maxmemory-eviction-tenacity': integer(10, 0, 100, { inert: true, doc: 'Effort of an eviction in one go.' }),
  'lazyfree-lazy-eviction': yesNo(false, {
    doc: 'Tell replicas and the file of an eviction by UNLINK; large values are freed in steps either way.',
  }),
  'lazyfree-lazy-expire': yesNo(false, {
    doc: 'Tell replicas and the file of an expiry by UNLINK; large values are freed in steps either way.',
  }),
  'lazyfree-lazy-server-del': yesNo(false, {
    doc: 'Tell replicas and the file by UNLINK of values that SPOP and RESTORE remove; large values are freed in steps either way.',
  }),
  'lazyfree-lazy-user-del': yesNo(false, { inert: true, doc: 'Let DEL do as UNLINK does.' }),
  'lazyfree-lazy-user-flush': yesNo(false, {
    inert: true,
    doc: 'Let FLUSHALL and FLUSHDB be ASYNC; here no value is visited either way.',
  }),
  activedefrag: yesNo(false, { inert: true, doc: 'Move values together to give memory back.' }),
  'active-defrag-cycle-min': integer(1, 1, 99, { inert: true, doc: 'Least effort of moving values, in percent.' }),
  'active-defrag-cycle-max': integer(25, 1, 99, { inert: true, doc: 'Most effort of moving values, in percent.' }),
  'active-defrag-ignore-bytes': memory(100 * 1024 * 1024, 1, INT64_MAX, {
    inert: true,
    doc: 'Waste below which no value is moved.',
  }),
  'active-defrag-max-scan-fields': integer(1000, 1, INT64_MAX, {
    inert: true,
    doc: 'Size above which a value is done in steps.',
  }),
  'active-defrag-threshold-lower': integer(10, 0, 1000, { inert: true, doc: 'Waste in percent at which it begins.' }),
  'active-defrag-threshold-upper': integer(100, 0, 1000, {
    inert: true,
    doc: 'Waste in percent at which it does its most.',
  }),
  'jemalloc-bg-thread': yesNo(true, { inert: true, doc: 'Purge the allocator in the background.' }),
  'disable-thp': yesNo(true, { immutable: true, inert: true, doc: 'Turn huge pages off for this process.' }),
  'oom-score-adj': oneOf(
    ['no', 'yes', 'relative', 'absolute'],
    'no',
    {
      doc: 'Tell the kernel how readily to kill this process: no; yes or relative, added to what it began with; absolute.',
    },
    { relative: 'yes' },
  ),
  'oom-score-adj-values': numbers(
    [0, 200, 800],
    { doc: 'The values told: to a master, and two for replicas, which have no effect here.' },
    (texts) => {
      if (texts.length !== 3) return 'wrong number of arguments'
      for (const t of texts) {
        if (!/^[+-]?\d+$/.test(t) || Math.abs(Number(t)) > 2000) {
          return 'Invalid oom-score-adj-values, elements must be between -2000 and 2000.'
        }
      }
      return undefined
    },
  ),
  server_cpulist: optionalText({ immutable: true, inert: true, doc: 'Processors to serve on.' }),
  bio_cpulist: optionalText({ immutable: true, inert: true, doc: 'Processors for background threads.' }),
  aof_rewrite_cpulist: optionalText({
    immutable: true,
    inert: true,
    doc: 'Processors to rewrite the append-only file on.',
  }),
  bgsave_cpulist: optionalText({ immutable: true, inert: true, doc: 'Processors to save on.' }),
  'io-threads': integer(1, 1, 128, {
    immutable: true,
    inert: true,
    doc: 'Threads for input and output; here the event loop does it.',
  }),
  'io-threads-do-reads': yesNo(false, { immutable: true, inert: true, doc: 'Let those threads read too.' }),

  // ── encodings, as OBJECT ENCODING tells them ──
  'hash-max-listpack-entries': integer(512, 0, INT64_MAX, {
    alias: 'hash-max-ziplist-entries',
    doc: 'Fields of a small hash.',
  }),
  'hash-max-listpack-value': memory(64, 0, INT64_MAX, {
    alias: 'hash-max-ziplist-value',
    doc: 'Longest value in a small hash.',
  }),
  'list-max-listpack-size': integer(-2, -2147483648, INT32_MAX, {
    alias: 'list-max-ziplist-size',
    doc: 'Size of a small list: elements, or when negative 4, 8, 16, 32 or 64 KiB for -1 to -5.',
  }),
  'list-compress-depth': integer(0, 0, INT32_MAX, {
    inert: true,
    doc: 'Nodes at the ends of a list that stay uncompressed; 0 = compress none.',
  }),
  'set-max-intset-entries': integer(512, 0, INT64_MAX, { doc: 'Members of a small set of integers.' }),
  'set-max-listpack-entries': integer(128, 0, INT64_MAX, { doc: 'Members of a small set.' }),
  'set-max-listpack-value': integer(64, 0, INT64_MAX, { doc: 'Longest member of a small set.' }),
  'zset-max-listpack-entries': integer(128, 0, INT64_MAX, {
    alias: 'zset-max-ziplist-entries',
    doc: 'Members of a small sorted set.',
  }),
  'zset-max-listpack-value': memory(64, 0, INT64_MAX, {
    alias: 'zset-max-ziplist-value',
    doc: 'Longest member of a small sorted set.',
  }),
  'hll-sparse-max-bytes': memory(3000, 0, INT64_MAX, {
    doc: 'Size up to which a HyperLogLog stays sparse.',
  }),
  'stream-node-max-bytes': memory(4096, 0, INT64_MAX, { doc: 'Bytes of one node of a stream; 0 = as many as may be.' }),
  'stream-node-max-entries': integer(100, 0, INT64_MAX, {
    doc: 'Entries of one node of a stream; 0 = as many as may be.',
  }),

  // ── replication ──
  replicaof: {
    ...base({
      alias: 'slaveof',
      immutable: true,
      words: true,
      doc: 'Host and port of the primary to follow, or `no one`; REPLICAOF changes it.',
    }),
    kind: 'host port | no one',
    default: '',
    parse(t: string) {
      const words = splitWords(t)
      if (words.length !== 2) throw new ConfigError('wrong number of arguments')
      const [host, port] = words as [string, string]
      if (words.join(' ').toLowerCase() === 'no one') return ''
      if (!/^\d{1,5}$/.test(port) || Number(port) > PORT_MAX) throw new ConfigError('Invalid master port')
      return `${host} ${Number(port)}`
    },
    format: String,
    linesOf: (v: string) => (v === '' ? [] : [v]),
  } as ConfigRow<string>,
  log: text('', {
    immutable: true,
    ours: true,
    secret: true,
    doc: 'The replicated log that keeps the data, as nats://host:port,…/STREAM or etcd://host:port,…/PREFIX; the append-only file is a copy of it (docs/cluster.md). Empty = the append-only file keeps the data.',
  }),
  'log-snapshots': text('', {
    immutable: true,
    ours: true,
    secret: true,
    doc: 'Where snapshots for the nodes of a replicated log lie: file:///shared/directory, or s3://bucket/prefix?endpoint=…&region=…; empty = nowhere, and the log is kept whole.',
  }),
  'log-max-lag': duration(0, {
    ours: true,
    doc: 'On a replicated log whose writes are not all `always`: while the oldest write that the log does not have is older than this, writes are refused (docs/cluster.md); 0 = never.',
  }),
  'maint-notifications': yesNo(true, {
    ours: true,
    doc: 'Tell clients that ask (CLIENT MAINT_NOTIFICATIONS) of planned handovers and of slots that move; no = the subcommand is unknown, as to Redis 7.2 (docs/cluster.md).',
  }),
  masteruser: optionalText({ secret: true, doc: 'User a replica says it is to its master.' }),
  masterauth: optionalText({ secret: true, doc: 'Password a replica gives its master.' }),
  'replica-serve-stale-data': yesNo(true, {
    alias: 'slave-serve-stale-data',
    doc: 'Let a replica answer while its master is away.',
  }),
  'replica-read-only': yesNo(true, { alias: 'slave-read-only', doc: 'Refuse writes on a replica.' }),
  'replica-priority': integer(100, 0, INT32_MAX, {
    alias: 'slave-priority',
    doc: 'Rank of a replica when a master is chosen.',
  }),
  'shard-name': optionalText({
    immutable: true,
    ours: true,
    doc: 'Name under which clients of Redis Sentinel ask this server for the primary (docs/cluster.md); empty = they are not answered. In a cluster of several logs the name of the shard; empty = that of its log.',
  }),
  'replica-announced': yesNo(true, { doc: 'Let Sentinel tell of this replica.' }),
  'replica-announce-ip': optionalText({
    alias: 'slave-announce-ip',
    doc: 'Address a replica is known by.',
  }),
  'replica-announce-port': integer(0, 0, PORT_MAX, {
    alias: 'slave-announce-port',
    doc: 'Port a replica is known by.',
  }),
  'replica-ignore-maxmemory': yesNo(true, {
    alias: 'slave-ignore-maxmemory',
    doc: 'Leave eviction to the master.',
  }),
  'replica-ignore-disk-write-errors': yesNo(false, {
    doc: 'Apply the stream of the master although nothing can be written to disk; otherwise it waits.',
  }),
  'replica-lazy-flush': yesNo(false, {
    alias: 'slave-lazy-flush',
    inert: true,
    doc: 'Empty a replica in the background: that is always so here.',
  }),
  'repl-backlog-size': clamped(
    memory(1024 * 1024, 1, INT64_MAX, { doc: 'Bytes kept for replicas that come back; 16kb at least.' }),
    16 * 1024,
    Number.POSITIVE_INFINITY,
  ),
  'repl-backlog-ttl': integer(3600, 0, INT64_MAX, {
    doc: 'Seconds for which those bytes are kept without any replica.',
  }),
  'repl-disable-tcp-nodelay': yesNo(false, { doc: 'Send to replicas in larger packets.' }),
  'repl-diskless-sync': yesNo(true, { doc: 'Send a full copy without a file.' }),
  'repl-diskless-sync-delay': integer(5, 0, INT32_MAX, {
    doc: 'Seconds to wait for more replicas first.',
  }),
  'repl-diskless-sync-max-replicas': integer(0, 0, INT32_MAX, {
    doc: 'Number of replicas at which it waits no longer.',
  }),
  'repl-diskless-load': oneOf(['disabled', 'on-empty-db', 'swapdb'], 'disabled', {
    notWhileLoading: true,
    doc: 'Load a full copy without a file.',
  }),
  'repl-ping-replica-period': integer(10, 1, INT32_MAX, {
    alias: 'repl-ping-slave-period',
    doc: 'Seconds between pings to replicas.',
  }),
  'repl-timeout': integer(60, 1, INT32_MAX, { doc: 'Seconds after which a silent link is cut.' }),
  'min-replicas-to-write': integer(0, 0, INT32_MAX, {
    alias: 'min-slaves-to-write',
    doc: 'Replicas without which writes are refused.',
  }),
  'min-replicas-max-lag': integer(10, 0, INT32_MAX, {
    alias: 'min-slaves-max-lag',
    doc: 'Seconds a replica may be behind to count.',
  }),
  'propagation-error-behavior': oneOf(['ignore', 'panic', 'panic-on-replicas'], 'ignore', {
    inert: true,
    doc: 'What to do when a replica cannot apply a write.',
  }),

  // ── cluster ──
  'cluster-enabled': yesNo(false, {
    immutable: true,
    doc: 'Whether this server is a node of a cluster, and serves the slots that are its own (docs/cluster.md).',
  }),
  'cluster-log': text('', {
    immutable: true,
    ours: true,
    secret: true,
    doc: 'In a cluster of several logs: the log of the first shard, beside which the map of the cluster lies (docs/cluster.md); empty = `log` is that of the first shard.',
  }),
  'cluster-config-file': text('nodes.conf', {
    immutable: true,
    doc: 'File in which a node keeps the map of its cluster.',
  }),
  'cluster-port': integer(0, 0, PORT_MAX, {
    immutable: true,
    doc: 'Port of the cluster bus; 0 = 10000 above the port.',
  }),
  'cluster-node-timeout': integer(15000, 0, INT64_MAX, {
    inert: true,
    doc: 'Milliseconds after which a silent node counts as failing.',
  }),
  'cluster-replica-validity-factor': integer(10, 0, INT32_MAX, {
    alias: 'cluster-slave-validity-factor',
    inert: true,
    doc: 'How old the data of a replica may be that takes over, in node timeouts.',
  }),
  'cluster-migration-barrier': integer(1, 0, INT32_MAX, {
    inert: true,
    doc: 'Replicas a master keeps before one goes to another.',
  }),
  'cluster-allow-replica-migration': yesNo(true, { inert: true, doc: 'Let replicas go to masters that have none.' }),
  'cluster-require-full-coverage': yesNo(true, { doc: 'Serve only while every slot is covered.' }),
  'cluster-replica-no-failover': yesNo(false, {
    alias: 'cluster-slave-no-failover',
    inert: true,
    doc: 'Let this replica never take over by itself.',
  }),
  'cluster-allow-reads-when-down': yesNo(false, { doc: 'Answer reads while the cluster is down.' }),
  'cluster-allow-pubsubshard-when-down': yesNo(true, {
    doc: 'Serve shard channels while the cluster is down.',
  }),
  'cluster-link-sendbuf-limit': memory(0, 0, UINT64_MAX, {
    inert: true,
    doc: 'Bytes that may wait for another node; 0 = no limit.',
  }),
  'cluster-announce-ip': optionalText({ doc: 'Address a node is known by.' }),
  'cluster-announce-port': integer(0, 0, PORT_MAX, { doc: 'Port a node is known by.' }),
  'cluster-announce-tls-port': integer(0, 0, PORT_MAX, { doc: 'TLS port a node is known by.' }),
  'cluster-announce-bus-port': integer(0, 0, PORT_MAX, {
    doc: 'Port of the cluster bus a node is known by.',
  }),
  'cluster-announce-hostname': optionalText({ doc: 'Host name a node is known by.' }, (name) => {
    if (name.length >= 256) return 'Hostnames must be less than 256 characters'
    return /^[a-zA-Z0-9.-]*$/.test(name)
      ? undefined
      : 'Hostnames may only contain alphanumeric characters, hyphens or dots'
  }),
  'cluster-announce-human-nodename': optionalText({ inert: true, doc: 'Name of a node for people.' }, (name) =>
    /[!#$%&()*+:;<>?@[\]^{|}~]/.test(name) ? 'Announced human node name contained invalid character' : undefined,
  ),
  'cluster-preferred-endpoint-type': oneOf(['ip', 'hostname', 'unknown-endpoint'], 'ip', {
    doc: 'Form in which clients are told the address of a node.',
  }),

  // ── TLS ──
  'tls-port': integer(0, 0, PORT_MAX, { doc: 'Port for clients that speak TLS; 0 = none (docs/security.md).' }),
  'tls-cert-file': optionalText({ doc: 'File with the certificate, and those between it and its authority; PEM.' }),
  'tls-key-file': optionalText({ doc: 'File with its private key; PEM.' }),
  'tls-key-file-pass': optionalText({ secret: true, doc: 'Password of that file.' }),
  'tls-client-cert-file': optionalText({
    doc: 'File with the certificate of the connection to a primary; default: the one that clients are shown.',
  }),
  'tls-client-key-file': optionalText({ doc: 'File with their private key.' }),
  'tls-client-key-file-pass': optionalText({ secret: true, doc: 'Password of that file.' }),
  'tls-dh-params-file': optionalText({ doc: 'File with Diffie-Hellman parameters; without one they fit the key.' }),
  'tls-ca-cert-file': optionalText({ doc: "File with the authorities whose clients' certificates are trusted; PEM." }),
  'tls-ca-cert-dir': optionalText({ doc: 'Directory with files of such authorities.' }),
  'tls-auth-clients': oneOf(['no', 'yes', 'optional'], 'yes', {
    doc: 'Whether clients need a certificate of those authorities; optional = one that is shown must be.',
  }),
  'tls-auth-clients-user': oneOf(['off', 'CN'], 'off', {
    doc: 'User of a client with a certificate from the start: off = the same as without one; CN = the user with the common name of the certificate, if there is one and it is on.',
  }),
  'tls-replication': yesNo(false, {
    doc: 'Use TLS between primary and replica.',
  }),
  'tls-cluster': yesNo(false, { doc: 'The same for the targets of MIGRATE, and between the nodes of a cluster.' }),
  'tls-protocols': optionalText({
    doc: 'Versions of TLS that are spoken: some of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3; default the last two.',
  }),
  'tls-ciphers': optionalText({ doc: "Ciphers of TLS up to 1.2, as OpenSSL lists them; default OpenSSL's." }),
  'tls-ciphersuites': optionalText({ doc: "Ciphers of TLS 1.3; default OpenSSL's." }),
  'tls-prefer-server-ciphers': yesNo(false, { doc: "Choose the cipher by the server's order." }),
  'tls-session-caching': yesNo(true, { doc: 'Let clients take up earlier sessions, by tickets that they keep.' }),
  'tls-session-cache-size': integer(20 * 1024, 0, INT32_MAX, {
    inert: true,
    doc: 'Sessions remembered; here clients keep their own.',
  }),
  'tls-session-cache-timeout': integer(300, 0, INT32_MAX, { doc: 'Seconds for which a session can be taken up.' }),
} as const satisfies Record<
  string,
  | ConfigRow<never>
  | ConfigRow<boolean>
  | ConfigRow<number>
  | ConfigRow<string>
  | ConfigRow<OutputLimitTable>
  | ConfigRow<readonly number[]>
  | ConfigRow<readonly SavePoint[]>
  | ConfigRow<readonly DurabilityRule[]>
  | ConfigRow<readonly ChannelRule[]>
>

function durabilityLines(rules: readonly DurabilityRule[]): string[] {
  return rules.map(({ pattern, policy }) => formatDurabilityRules([{ pattern: quoteWhereNeeded(pattern), policy }]))
}

function channelLines(rules: readonly ChannelRule[]): string[] {
  return rules.map(({ pattern, ...rule }) => `${quoteWhereNeeded(pattern)} ${formatOptions(rule)}`)
}

/** Words of SHUTDOWN, shown in one order and each once; `default` beside others means nothing. */
function shutdownWords(options: { doc: string }): ConfigRow<string> {
  const choices = ['default', 'save', 'nosave', 'now', 'force']
  return {
    ...base({ ...options, words: true }),
    kind: choices.join(' | '),
    default: 'default',
    parse(t) {
      const words = t.toLowerCase().split(' ')
      if (!words.every((word) => choices.includes(word))) {
        throw new ConfigError(`argument(s) must be one of the following: ${choices.join(', ')}`)
      }
      if (words.includes('save') && words.includes('nosave')) {
        throw new ConfigError("shutdown options SAVE and NOSAVE can't be used simultaneously")
      }
      return choices.filter((word) => word !== 'default' && words.includes(word)).join(' ') || 'default'
    },
    format: String,
  }
}

/** A value beyond the bounds is taken for the bound, without a word. */
function clamped(row: ConfigRow<number>, min: number, max: number): ConfigRow<number> {
  return { ...row, parse: (t, current) => Math.min(Math.max(row.parse(t, current), min), max) }
}

/** A path begins with a slash and does not end with one. Throws ConfigError. */
function consolePath(path: string): string {
  if (path === '' || /^(\/[\w.~-]+)+$/.test(path)) return path
  throw new ConfigError('argument must be a path such as /respite')
}

/** A file in a directory given elsewhere: a name without a path. */
function fileName(option: string): (text: string) => string | undefined {
  return (t) => {
    if (t.includes('/'))
      return `${option} can't be a path, just a ${option === 'appenddirname' ? 'dirname' : 'filename'}`
    return t === '' && option.startsWith('append') ? `${option} can't be empty` : undefined
  }
}

function wholeNumber(word: string | undefined): number | undefined {
  return word !== undefined && /^\d{1,15}$/.test(word) ? Number(word) : undefined
}
