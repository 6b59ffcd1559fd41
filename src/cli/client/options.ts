// The command line of `respite cli`: options named as in redis-cli, then the command.

import { splitInline } from '../../protocol/inline-words.ts'
import { CLI_OPTIONS, ELSEWHERE } from '../options/cli-options.ts'
import { optionNamed, unknownOption } from '../options/program-option.ts'
import { UsageError } from '../usage-error.ts'
import type { Encryption, ServerAddress } from './connection.ts'
import type { Format } from './print-reply.ts'

/** The mode of the client: it runs commands, or one of redis-cli's special tasks. */
export type Mode =
  | 'commands'
  | 'eval'
  | 'scan'
  | 'bigkeys'
  | 'memkeys'
  | 'hotkeys'
  | 'stat'
  | 'latency'
  | 'latency-history'
  | 'pipe'
  | 'rdb'

/** Which keys a walk over all keys looks at, and how. */
export interface WalkOptions {
  /** Empty = all keys. */
  readonly pattern: string
  /** Keys that one SCAN asks for; undefined = the server's default. */
  readonly count: string | undefined
  /** Elements of each key that MEMORY USAGE looks at; undefined = the server's default. */
  readonly samples: string | undefined
}

export interface CliOptions extends ServerAddress {
  readonly user: string
  readonly password: string
  readonly database: number
  readonly protocol: 2 | 3
  /** Undefined = formatted for people on a terminal, raw elsewhere. */
  readonly format: Format | undefined
  /** The text between the elements of a raw reply, and the text behind the reply. */
  readonly separator: string
  readonly end: string
  /** Whether an error reply makes the exit code 1. */
  readonly errorExits: boolean
  /** Whether MOVED and ASK are followed. */
  readonly followsRedirections: boolean
  readonly showsPushes: boolean
  /** How often each command is sent; infinite = until the user ends it. */
  readonly repeat: number
  /** Undefined = the default of the mode. */
  readonly intervalMs: number | undefined
  readonly mode: Mode
  readonly walk: WalkOptions
  /** The file of `--eval` or `--rdb`. */
  readonly file: string
  /** 0 = no bound. */
  readonly pipeTimeoutMs: number
  /**
   * Where the standard input goes: nowhere, behind the words, or in the place of the word that is
   * `tag`.
   */
  readonly lastFromInput: boolean
  readonly tag: string | undefined
  /** The command to send, words as latin1; empty = commands are read from the input. */
  readonly words: readonly string[]
}

/** Reads the command line. Throws UsageError. Environment: REDISCLI_AUTH. */
export function readOptions(args: readonly string[], environment: NodeJS.ProcessEnv): CliOptions {
  const given = new GivenOptions()
  const words = given.read(args)
  const auth = given.value('-a') ?? environment.REDISCLI_AUTH ?? ''
  return {
    host: given.value('-h') ?? '127.0.0.1',
    port: given.integer('-p', 6379, 0, 65_535),
    socket: given.value('-s') ?? '',
    encryption: given.has('--tls') ? encryptionOf(given) : undefined,
    user: given.value('--user') ?? 'default',
    password: auth,
    database: given.integer('-n', 0, 0),
    protocol: given.has('-3') || (given.has('--json') && !given.has('-2')) ? 3 : 2,
    format: formatOf(given),
    separator: given.value('-d') ?? '\n',
    end: given.value('-D') ?? '\n',
    errorExits: given.has('-e'),
    followsRedirections: given.has('-c'),
    showsPushes: given.value('--show-pushes')?.toLowerCase() !== 'no',
    repeat: repeatOf(given),
    intervalMs: intervalOf(given),
    mode: modeOf(given),
    walk: walkOf(given),
    file: given.value('--eval') ?? given.value('--rdb') ?? '',
    pipeTimeoutMs: given.integer('--pipe-timeout', 30, 0) * 1000,
    lastFromInput: given.has('-x'),
    tag: latin1Of(given.value('-X')),
    words: words.map((word) => wordOf(word, given.has('--quoted-input'))),
  }
}

/** The options of a command line, by their first spelling. */
class GivenOptions {
  readonly #values = new Map<string, string>()

  /** Reads the options and returns the words behind them. Throws UsageError. */
  read(args: readonly string[]): readonly string[] {
    let at = 0
    for (; at < args.length && args[at]?.startsWith('-') === true; at++) {
      const word = args[at] ?? ''
      const option = optionNamed(CLI_OPTIONS, word)
      if (option === undefined) throw unknown(word)
      const [name = ''] = option.names
      if (option.value === undefined) this.#values.set(name, '')
      else this.#take(name, word, args[++at])
    }
    return args.slice(at)
  }

  #take(name: string, word: string, value: string | undefined): void {
    if (value === undefined) throw new UsageError(`the option '${word}' needs a value`)
    if (name === '-u') this.#takeUri(value)
    else this.#values.set(name, value)
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** Undefined = the option was not given. */
  value(name: string): string | undefined {
    return this.#values.get(name)
  }

  /** Throws UsageError for a value that is no integer, or not within the bounds. */
  integer(name: string, otherwise: number, min: number, max = Number.MAX_SAFE_INTEGER): number {
    const text = this.value(name)
    if (text === undefined) return otherwise
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= min && value <= max))
      throw new UsageError(`the value of '${name}' must be a whole number from ${min} on: '${text}'`)
    return value
  }

  /** Parses `redis[s]://[[user]:password@]host[:port][/database]`. Throws UsageError. */
  #takeUri(uri: string): void {
    const parts = /^redis(s?):\/\/(?:([^@/]*)@)?(\[[^\]]+\]|[^:/?#]*)(?::(\d+))?(?:\/(\d*))?$/i.exec(uri)
    if (parts === null) throw new UsageError(`the value of '-u' is not redis://USER:PASSWORD@HOST:PORT/DATABASE`)
    const [, secure, identity, host, port, database] = parts
    if (secure) this.#values.set('--tls', '')
    if (identity !== undefined) this.#takeIdentity(identity)
    if (host) this.#values.set('-h', host.replace(/^\[|\]$/g, ''))
    if (port) this.#values.set('-p', port)
    if (database) this.#values.set('-n', database)
  }

  #takeIdentity(identity: string): void {
    const colon = identity.indexOf(':')
    try {
      // A password alone, as redis-cli accepts it.
      if (colon > 0) this.#values.set('--user', decodeURIComponent(identity.slice(0, colon)))
      this.#values.set('-a', decodeURIComponent(identity.slice(colon + 1)))
    } catch {
      throw new UsageError("the value of '-u' has an escape that is not valid before the '@'")
    }
  }
}

function unknown(word: string): UsageError {
  const instead = ELSEWHERE[word]
  if (instead === undefined) return unknownOption(CLI_OPTIONS, word)
  return new UsageError(`redis-cli's option '${word}' is not here: ${instead}`)
}

const MODES = [
  'eval',
  'scan',
  'bigkeys',
  'memkeys',
  'hotkeys',
  'stat',
  'latency',
  'latency-history',
  'pipe',
  'rdb',
] as const satisfies readonly Mode[]

function modeOf(given: GivenOptions): Mode {
  if (given.has('--memkeys-samples')) return 'memkeys'
  const [mode, other] = MODES.filter((name) => given.has(`--${name}`))
  if (other !== undefined) throw new UsageError(`'--${mode}' and '--${other}' exclude each other`)
  return mode ?? 'commands'
}

function formatOf(given: GivenOptions): Format | undefined {
  if (given.has('--json')) return 'json'
  if (given.has('--csv')) return 'csv'
  return given.has('--raw') ? 'raw' : given.has('--no-raw') ? 'people' : undefined
}

function walkOf(given: GivenOptions): WalkOptions {
  return {
    pattern: latin1Of(given.value('--pattern')) ?? '',
    count: given.value('--count'),
    samples: given.value('--memkeys-samples'),
  }
}

function repeatOf(given: GivenOptions): number {
  const count = given.integer('-r', 1, -1)
  return count < 0 ? Number.POSITIVE_INFINITY : count
}

function intervalOf(given: GivenOptions): number | undefined {
  const text = given.value('-i')
  if (text === undefined) return undefined
  const seconds = Number(text)
  if (text.trim() === '' || !(seconds >= 0)) throw new UsageError(`the value of '-i' must be seconds: '${text}'`)
  return seconds === 0 ? undefined : seconds * 1000
}

function wordOf(word: string, isQuoted: boolean): string {
  const latin1 = Buffer.from(word, 'utf8').toString('latin1')
  if (!isQuoted || !/^["']/.test(word)) return latin1
  const [only, more] = splitInline(latin1) ?? []
  if (only === undefined || more !== undefined) throw new UsageError(`the quotes of ${word} do not match`)
  return only
}

function latin1Of(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'utf8').toString('latin1')
}

function encryptionOf(given: GivenOptions): Encryption {
  return {
    certFile: given.value('--cert') ?? '',
    keyFile: given.value('--key') ?? '',
    authoritiesFile: given.value('--cacert') ?? '',
    serverName: given.value('--sni') ?? '',
    isServerTrusted: given.has('--insecure'),
  }
}
