// Every setting: its kind, its default, whether it may change while running, and a sentence for the documentation.

import { BULK_BYTES_MAX, QUERY_BUFFER_BYTES_MAX } from '../protocol/limits.ts'
import { ConfigError } from './config.ts'
import { formatEventFlags, parseEventFlags } from './events.ts'

export interface ConfigRow<T> {
  readonly kind: string
  readonly default: T
  /** CONFIG SET may change it. */
  readonly mutable: boolean
  readonly doc: string
  readonly alias?: string
  /** Reads a text; throws ConfigError. */
  parse(text: string, current: T): T
  format(value: T): string
}

interface Common {
  doc: string
  immutable?: true
  alias?: string
}

function base(options: Common): { mutable: boolean; doc: string; alias?: string } {
  const { doc, alias } = options
  return alias === undefined ? { mutable: !options.immutable, doc } : { mutable: !options.immutable, doc, alias }
}

function yesNo(value: boolean, options: Common): ConfigRow<boolean> {
  return {
    ...base(options),
    kind: 'yes | no',
    default: value,
    parse(text) {
      const lower = text.toLowerCase()
      if (lower !== 'yes' && lower !== 'no') throw new ConfigError("argument must be 'yes' or 'no'")
      return lower === 'yes'
    },
    format: (v) => (v ? 'yes' : 'no'),
  }
}

function integer(value: number, min: number, max: number, options: Common): ConfigRow<number> {
  return {
    ...base(options),
    kind: `integer, ${min} to ${max}`,
    default: value,
    parse(text) {
      if (!/^-?\d+$/.test(text)) throw new ConfigError("argument couldn't be parsed into an integer")
      return inRange(Number(text), min, max)
    },
    format: String,
  }
}

/** Bytes, with Redis's units: 1k = 1000, 1kb = 1024, … */
function memory(value: number, min: number, max: number, options: Common): ConfigRow<number> {
  return {
    ...base(options),
    kind: 'bytes',
    default: value,
    parse(text) {
      const bytes = parseMemory(text)
      if (bytes === undefined) throw new ConfigError('argument must be a memory value')
      return inRange(bytes, min, max)
    },
    format: String,
  }
}

function inRange(value: number, min: number, max: number): number {
  if (value < min || value > max) throw new ConfigError(`argument must be between ${min} and ${max} inclusive`)
  return value
}

function oneOf<const Choices extends readonly string[]>(
  choices: Choices,
  value: Choices[number],
  options: Common,
): ConfigRow<Choices[number]> {
  return {
    ...base(options),
    kind: choices.join(' | '),
    default: value,
    parse(text) {
      const lower = text.toLowerCase()
      if (!choices.includes(lower)) {
        throw new ConfigError(`argument(s) must be one of the following: ${choices.join(', ')}`)
      }
      return lower
    },
    format: String,
  }
}

function text(value: string, options: Common): ConfigRow<string> {
  return { ...base(options), kind: 'text', default: value, parse: (t) => t, format: (v) => v }
}

/** Reads Redis's memory units; undefined when the text is no memory value. */
export function parseMemory(value: string): number | undefined {
  const match = /^(\d+)(b|k|kb|m|mb|g|gb)?$/i.exec(value)
  if (match === null) return undefined
  return Number(match[1]) * MEMORY_UNITS[(match[2] ?? 'b').toLowerCase() as keyof typeof MEMORY_UNITS]
}

const MEMORY_UNITS = { b: 1, k: 1000, kb: 1024, m: 1e6, mb: 1024 ** 2, g: 1e9, gb: 1024 ** 3 }

/** Output limits of one class of clients. */
export interface OutputLimit {
  hardBytes: number
  softBytes: number
  softSeconds: number
}

const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning', 'nothing'] as const

export const CONFIG_TABLE = {
  // ── network ──
  bind: text('127.0.0.1', { doc: 'Addresses to listen on, separated by blanks.' }),
  port: integer(6379, 0, 65535, { doc: 'TCP port; 0 = do not listen on TCP.' }),
  unixsocket: text('', { immutable: true, doc: 'Path of a unix socket to listen on.' }),
  timeout: integer(0, 0, 2147483647, { doc: 'Closes clients that were idle for this many seconds; 0 = never.' }),
  maxclients: integer(10000, 1, 4294967295, { doc: 'Connections served at the same time.' }),

  // ── limits ──
  'proto-max-bulk-len': memory(BULK_BYTES_MAX, 1024 * 1024, Number.MAX_SAFE_INTEGER, {
    doc: 'Largest single argument.',
  }),
  'client-query-buffer-limit': memory(QUERY_BUFFER_BYTES_MAX, 1024 * 1024, Number.MAX_SAFE_INTEGER, {
    doc: 'Unprocessed request bytes a client may have.',
  }),

  // ── general ──
  databases: integer(16, 1, 65535, { immutable: true, doc: 'Number of databases.' }),
  requirepass: text('', { doc: 'Password of the default user; empty = none.' }),
  loglevel: oneOf(LOG_LEVELS, 'notice', { doc: 'How much is logged.' }),
  'active-expire-enabled': yesNo(true, { doc: 'Remove keys when their time is up, not only when they are looked at.' }),
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
  } as ConfigRow<number>,

  // ── persistence ──
  dir: text('.', { doc: 'Directory of the data files.' }),
  appendonly: yesNo(false, { doc: 'Keep an append-only file.' }),
  appendfsync: oneOf(['always', 'everysec', 'no'], 'everysec', { doc: 'When the append-only file is fsynced.' }),
  appendfilename: text('appendonly.aof', { immutable: true, doc: 'Prefix of the append-only files.' }),
  appenddirname: text('appendonlydir', { immutable: true, doc: 'Directory of the append-only files, inside dir.' }),
  'aof-load-truncated': yesNo(true, {
    doc: 'Cut a torn end of the last append-only file instead of refusing to start.',
  }),

  // ── memory ──
  maxmemory: memory(0, 0, Number.MAX_SAFE_INTEGER, {
    doc: 'Used memory above which keys are evicted or writes refused; 0 = no limit.',
  }),
} as const satisfies Record<string, ConfigRow<never> | ConfigRow<boolean> | ConfigRow<number> | ConfigRow<string>>
