// The address of another server: `redis://user:password@host:port/database`, `rediss://…` with TLS,
// or `unix:///path?db=database`.

import { OptionError } from '../../util/option-error.ts'

const PORT = 6379

/** How a connection is encrypted; the names are those of Node's `tls.connect`. */
export interface RemoteEncryption {
  /** Without it Node's default authorities are trusted. */
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  /** The name that the certificate must have; the host unless said. */
  readonly servername?: string
  /** False accepts any certificate. */
  readonly rejectUnauthorized?: boolean
}

export interface RemoteAddress {
  readonly host: string
  readonly port: number
  /** The path of a unix socket to use instead; empty = none. */
  readonly socket: string
  readonly isEncrypted: boolean
  readonly encryption?: RemoteEncryption
  /** As latin1: one character for each byte. */
  readonly user: string
  readonly password: string
  readonly database: number
}

/** The place of a server, as a person reads it. */
export function placeOf({ host, port, socket }: RemoteAddress): string {
  if (socket !== '') return socket
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Throws OptionError. */
export function remoteAddress(text: string): RemoteAddress {
  let url: URL
  try {
    // A user in a URL wants a host behind it.
    const withHost = text.replace(/^(unix:\/\/[^/]*@)\//, '$1socket/')
    url = new URL(withHost.includes('://') ? withHost : `redis://${withHost}`)
  } catch {
    throw new OptionError('the address is not one such as redis://host:6379')
  }
  if (!/^(redis|rediss|valkey|valkeys|unix):$/.test(url.protocol))
    throw new OptionError(`'${url.protocol}//' is not served: an address begins with redis://, rediss:// or unix://`)
  const isSocket = url.protocol === 'unix:'
  const database = Number((isSocket ? url.searchParams.get('db') : url.pathname.slice(1)) || '0')
  if (!Number.isInteger(database) || database < 0)
    throw new OptionError('the path of an address is the number of a database')
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
    port: url.port === '' ? PORT : Number(url.port),
    socket: isSocket ? decodeURIComponent(url.pathname) : '',
    isEncrypted: /^(rediss|valkeys):$/.test(url.protocol),
    user: latin1Of(decoded(url.username)),
    password: latin1Of(decoded(url.password)),
    database,
  }
}

/** Throws OptionError. */
function decoded(word: string): string {
  try {
    return decodeURIComponent(word)
  } catch {
    throw new OptionError('a % in the user or the password of an address is written %25')
  }
}

function latin1Of(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
