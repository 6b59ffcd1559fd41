// Which log a broker's journal lies in, as one line of a configuration says it:
//
//   nats://[user:password@]host:port[,host:port …]/STREAM[?option=value&…]
//   etcd://[user:password@]host:port[,host:port …]/PREFIX[?option=value&…]
//
//   ca, cert, key   files in PEM; `ca` alone, or `tls=yes`, asks for TLS
//   credentials     nats: a file as `nsc` writes it
//   token           nats
//   replicas        nats: servers that keep a stream that is created: 3 or 5 (1 with safety=development)
//   bytes           nats: what such a stream may take on each server, `10gb` if nothing is said
//   missing         nats: `create` the stream, or `refuse` to start
//   safety          `development` takes what would not survive a power cut, or the loss of one machine
//
// A password in it may be percent-encoded.

import { parseMemory } from '../engine/config-kinds.ts'
import type { LogSource } from './worker/log-source.ts'

const BYTES_MAX_DEFAULT = 10 * 1024 ** 3

/** The line says something that is not understood. */
export class LogAddressError extends Error {
  override name = 'LogAddressError'
}

const SHAPE = /^(nats|etcd):\/\/(?:([^@/]*)@)?([^/?@]+)\/([^/?]+)(?:\?(.*))?$/

/** Reads the address of a log. Throws LogAddressError. */
export function readLogAddress(address: string): LogSource {
  const [, kind, user, hosts, name, query = ''] = SHAPE.exec(address) ?? []
  if (hosts === undefined || name === undefined)
    throw new LogAddressError('the address of a log is nats://host:port,…/STREAM or etcd://host:port,…/PREFIX')
  const options = new Options(query)
  const places = hosts.split(',')
  for (const place of places) {
    if (!/^(?:[^:[\]]+|\[[^\]]+\]):\d{1,5}$/.test(place)) throw new LogAddressError(`'${place}' is no host:port`)
  }
  const tls = tlsOf(options)
  const common = {
    ...loginOf(user),
    ...(tls === undefined ? {} : { tls }),
    safety: options.oneOf('safety', ['required', 'development']),
  }
  let source: LogSource
  if (kind === 'etcd') {
    const scheme = tls === undefined ? 'http' : 'https'
    source = {
      kind: 'etcd',
      options: { endpoints: places.map((place) => `${scheme}://${place}`), prefix: name, ...common },
    }
  } else {
    const scheme = tls === undefined ? 'nats' : 'tls'
    const credentialsFile = options.text('credentials')
    const token = options.text('token')
    source = {
      kind: 'jetstream',
      options: {
        servers: places.map((place) => `${scheme}://${place}`),
        stream: name,
        ...(credentialsFile === undefined ? {} : { credentialsFile }),
        ...(token === undefined ? {} : { token }),
        missing: options.oneOf('missing', ['create', 'refuse']),
        replicas: Number(options.oneOf('replicas', ['3', '5', '1'])) as 1 | 3 | 5,
        bytesMax: options.bytes('bytes', BYTES_MAX_DEFAULT),
        ...common,
      },
    }
  }
  options.end()
  return source
}

/** The address without what is secret in it, for people. */
export function describeLogAddress(address: string): string {
  return address.replace(/\/\/[^@/]*@/, '//').replace(/([?&]token=)[^&]*/, '$1…')
}

function loginOf(login: string | undefined): { user?: string; password?: string } {
  if (login === undefined || login === '') return {}
  const colon = login.indexOf(':')
  if (colon < 0) return { user: decoded(login) }
  return { user: decoded(login.slice(0, colon)), password: decoded(login.slice(colon + 1)) }
}

/** Files for TLS; undefined = it is not asked for. */
function tlsOf(options: Options): { caFile?: string; certFile?: string; keyFile?: string } | undefined {
  const caFile = options.text('ca')
  const certFile = options.text('cert')
  const keyFile = options.text('key')
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new LogAddressError("'cert' and 'key' belong together")
  const isAsked = options.oneOf('tls', ['no', 'yes']) === 'yes'
  if (!isAsked && caFile === undefined && certFile === undefined) return undefined
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new LogAddressError('what follows a % in it are two hexadecimal digits')
  }
}

/** What follows the question mark; each is asked for once, and `end` finds those that nobody has asked for. */
class Options {
  readonly #values = new Map<string, string>()

  constructor(query: string) {
    for (const part of query === '' ? [] : query.split('&')) {
      const [name = '', value] = part.split('=', 2)
      if (value === undefined) throw new LogAddressError(`'${part}' is no option: it is written name=value`)
      if (this.#values.has(name)) throw new LogAddressError(`'${name}' is said twice`)
      this.#values.set(name, decoded(value))
    }
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    this.#values.delete(name)
    return value
  }

  /** One of some words; the first where nothing is said. */
  oneOf<Word extends string>(name: string, words: readonly [Word, ...Word[]]): Word {
    const value = this.text(name)
    if (value === undefined) return words[0]
    const word = words.find((known) => known === value)
    if (word === undefined) throw new LogAddressError(`'${name}' is one of ${words.join(', ')}`)
    return word
  }

  bytes(name: string, otherwise: number): number {
    const value = this.text(name)
    if (value === undefined) return otherwise
    const bytes = parseMemory(value)
    if (bytes === undefined || bytes <= 0) throw new LogAddressError(`'${name}' is a number of bytes, as 10gb`)
    return bytes
  }

  end(): void {
    const [unknown] = this.#values.keys()
    if (unknown !== undefined) throw new LogAddressError(`a log of this kind has no option '${unknown}'`)
  }
}
