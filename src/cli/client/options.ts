// The command line of `respite cli`: options named as in redis-cli, then the command.

import type { Encryption, ServerAddress } from './connection.ts'
import type { Format } from './print-reply.ts'

export interface CliOptions extends ServerAddress {
  readonly user: string
  readonly password: string
  readonly database: number
  readonly protocol: 2 | 3
  /** Undefined = formatted for people on a terminal, raw elsewhere. */
  readonly format: Format | undefined
  /** Whether an error reply makes the exit code 1. */
  readonly errorExits: boolean
  /** The command to send, words as latin1; empty = commands are read from the input. */
  readonly words: readonly string[]
}

/** Options with a value, and their values. */
type Values = Record<'-h' | '-p' | '-s' | '-n' | '-a' | '--user' | '--cert' | '--key' | '--cacert' | '--sni', string>

const isValueOption = (word: string, values: Values): word is keyof Values => Object.hasOwn(values, word)

/** Reads the command line; undefined when it is invalid. Environment: REDISCLI_AUTH. */
export function readOptions(args: readonly string[], environment: NodeJS.ProcessEnv): CliOptions | undefined {
  const values: Values = {
    '-h': '127.0.0.1',
    '-p': '6379',
    '-s': '',
    '-n': '0',
    '-a': environment.REDISCLI_AUTH ?? '',
    '--user': 'default',
    '--cert': '',
    '--key': '',
    '--cacert': '',
    '--sni': '',
  }
  const flags = new Set<string>()
  let at = 0
  for (; at < args.length && args[at]?.startsWith('-') === true; at++) {
    const word = args[at] === '--pass' ? '-a' : (args[at] ?? '')
    if (isValueOption(word, values) || word === '-u') {
      const value = args[++at]
      if (value === undefined) return undefined
      if (word !== '-u') values[word] = value
      else if (!readUri(value, values, flags)) return undefined
    } else if (FLAG.test(word)) flags.add(word)
    else return undefined
  }
  const [port, database] = [Number(values['-p']), Number(values['-n'])]
  if (!Number.isInteger(port) || port < 0 || port > 65535 || !Number.isInteger(database)) return undefined
  return {
    host: values['-h'],
    port,
    socket: values['-s'],
    encryption: flags.has('--tls') ? encryptionOf(values, flags) : undefined,
    user: values['--user'],
    password: values['-a'],
    database,
    protocol: flags.has('-3') || (flags.has('--json') && !flags.has('-2')) ? 3 : 2,
    format: flags.has('--json') ? 'json' : flags.has('--raw') ? 'raw' : flags.has('--no-raw') ? 'people' : undefined,
    errorExits: flags.has('-e'),
    words: args.slice(at).map((word) => Buffer.from(word, 'utf8').toString('latin1')),
  }
}

const FLAG = /^(--raw|--no-raw|--json|-3|-2|-e|--no-auth-warning|--tls|--insecure)$/

function encryptionOf(values: Readonly<Values>, flags: ReadonlySet<string>): Encryption {
  return {
    certFile: values['--cert'],
    keyFile: values['--key'],
    authoritiesFile: values['--cacert'],
    serverName: values['--sni'],
    isServerTrusted: flags.has('--insecure'),
  }
}

/**
 * Parses `redis[s]://[[user]:password@]host[:port][/database]`; returns false when it does not
 * match.
 */
function readUri(uri: string, values: Values, flags: Set<string>): boolean {
  const parts = /^redis(s?):\/\/(?:([^@/]*)@)?(\[[^\]]+\]|[^:/?#]*)(?::(\d+))?(?:\/(\d*))?$/i.exec(uri)
  if (parts === null) return false
  const [, secure, identity, host, port, database] = parts
  if (secure) flags.add('--tls')
  if (identity !== undefined) {
    const colon = identity.indexOf(':')
    try {
      // A password alone, as redis-cli accepts it.
      if (colon > 0) values['--user'] = decodeURIComponent(identity.slice(0, colon))
      values['-a'] = decodeURIComponent(identity.slice(colon + 1))
    } catch {
      // An invalid escape.
      return false
    }
  }
  if (host) values['-h'] = host.replace(/^\[|\]$/g, '')
  if (port) values['-p'] = port
  if (database) values['-n'] = database
  return true
}
