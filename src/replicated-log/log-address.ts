// The address of the log that holds a broker's journal, as one line of the configuration:
//
//   nats://[user:password@]host:port[,host:port …]/STREAM[?option=value&…]
//   etcd://[user:password@]host:port[,host:port …]/PREFIX[?option=value&…]
//
//   ca, cert, key   PEM files; `ca` alone, or `tls=yes`, requests TLS
//   credentials     nats: a credentials file as `nsc` writes it
//   token           nats
//   replicas        nats: servers that keep a new stream: 3 or 5 (1 with safety=development)
//   bytes           nats: size limit of a new stream on each server, `8gb` by default
//   missing         nats: `create` the stream, or `refuse` to start
//   safety          `development` accepts a log that loses data with its power or with one machine
//
// A password may be percent-encoded.

import { AddressError, AddressOptions, decoded } from './address-options.ts'
import type { LogSource } from './worker/log-source.ts'

/**
 * Two logs and the map of their shards fit on servers with 20 GB, as docs/cluster.md sets them up.
 */
const BYTES_MAX_DEFAULT = 8 * 1024 ** 3

/** A few maps of some KB each; the largest takes 200 KB. */
const MAP_BYTES_MAX = 64 * 1024 ** 2

const SHAPE = /^(nats|etcd):\/\/(?:([^@/]*)@)?([^/?@]+)\/([^/?]+)(?:\?(.*))?$/

/** Reads the address of a log. Throws AddressError. */
export function readLogAddress(address: string): LogSource {
  const [, kind, user, hosts, name, query = ''] = SHAPE.exec(address) ?? []
  if (hosts === undefined || name === undefined)
    throw new AddressError("'log': the address is nats://host:port,…/STREAM or etcd://host:port,…/PREFIX")
  const options = new AddressOptions(query)
  const places = hosts.split(',')
  for (const place of places) {
    if (!/^(?:[^:[\]]+|\[[^\]]+\]):\d{1,5}$/.test(place)) throw new AddressError(`'${place}' is not host:port`)
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

/**
 * Returns the source of the log that holds the map of a cluster: beside a shard's own log, with a
 * name of its own, and the same options.
 */
export function mapLogBeside(source: LogSource): LogSource {
  if (source.kind === 'etcd')
    return { ...source, options: { ...source.options, prefix: `${source.options.prefix}-map` } }
  if (source.kind !== 'jetstream') return source
  const { options } = source
  return { ...source, options: { ...options, stream: `${options.stream}-map`, bytesMax: MAP_BYTES_MAX } }
}

/** The kind of a log, and its name there. */
export function nameOfLog(source: LogSource): { kind: string; name: string } {
  const name = source.kind === 'etcd' ? source.options.prefix : source.kind === 'jetstream' ? source.options.stream : ''
  return { kind: source.kind, name }
}

/** The address without its secrets, for people to read. */
export function describeLogAddress(address: string): string {
  return address.replace(/\/\/[^@/]*@/, '//').replace(/([?&]token=)[^&]*/, '$1…')
}

function loginOf(login: string | undefined): { user?: string; password?: string } {
  if (login === undefined || login === '') return {}
  const colon = login.indexOf(':')
  if (colon < 0) return { user: decoded(login) }
  return { user: decoded(login.slice(0, colon)), password: decoded(login.slice(colon + 1)) }
}

/** Files for TLS; undefined when TLS is not requested. */
function tlsOf(options: AddressOptions): { caFile?: string; certFile?: string; keyFile?: string } | undefined {
  const caFile = options.text('ca')
  const certFile = options.text('cert')
  const keyFile = options.text('key')
  if ((certFile === undefined) !== (keyFile === undefined)) throw new AddressError("'cert' and 'key' belong together")
  const isAsked = options.oneOf('tls', ['no', 'yes']) === 'yes'
  if (!isAsked && caFile === undefined && certFile === undefined) return undefined
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  }
}
