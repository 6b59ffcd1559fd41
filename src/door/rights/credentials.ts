// Finds the credentials of a request: in a header, in the query, or in a cookie.

import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { UNAUTHORIZED } from './visitor.ts'

export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  /** A password of the user `default`, or `user:password`. */
  | { readonly kind: 'bearer'; readonly text: string }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'ticket'; readonly ticket: string }

/** The cookie of Mercure's specification. */
const MERCURE_COOKIE = 'mercureAuthorization'
const NONE: Credentials = { kind: 'none' }
/** Longer headers never get here, because the server refuses them; a query may be longer. */
const CREDENTIALS_CHARACTERS_MAX = 8 * 1024

/**
 * Reads the credentials of a request. `cookie` is the name of the cookie that counts; undefined
 * = none does. Throws HttpError.
 */
export function credentialsOf(exchange: Exchange, cookie: string | undefined): Credentials {
  const header = exchange.header('authorization')
  if (header !== undefined) return ofHeader(header)
  const { query } = exchange
  const ticket = query.get('ticket')
  if (ticket !== null) return { kind: 'ticket', ticket }
  const inQuery = query.get('_token') ?? query.get('authorization')
  if (inQuery !== null) return ofBearer(inQuery)
  const inCookie = cookie === undefined ? undefined : (cookieOf(exchange, cookie) ?? cookieOf(exchange, MERCURE_COOKIE))
  return inCookie === undefined ? NONE : { kind: 'token', token: inCookie }
}

function ofHeader(header: string): Credentials {
  const [, scheme = '', text = ''] = /^(\S+)\s+(.*)$/.exec(header.trim()) ?? []
  if (scheme.toLowerCase() === 'bearer') return ofBearer(text)
  if (scheme.toLowerCase() !== 'basic') throw new HttpError(401, 'Authorization is Basic or Bearer', UNAUTHORIZED)
  const pair = Buffer.from(text, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  if (colon < 0) throw new HttpError(401, 'Basic carries user:password', UNAUTHORIZED)
  return { kind: 'password', user: latin1(pair.slice(0, colon)) || 'default', password: latin1(pair.slice(colon + 1)) }
}

function ofBearer(text: string): Credentials {
  if (text.length > CREDENTIALS_CHARACTERS_MAX) throw new HttpError(401, 'a token is shorter', UNAUTHORIZED)
  // Every JSON object in base64url begins like this.
  if (/^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(text)) return { kind: 'token', token: text }
  return { kind: 'bearer', text: latin1(text) }
}

/** Returns a cookie of a request; undefined = it has none of this name. */
export function cookieOf(exchange: Exchange, name: string): string | undefined {
  for (const part of (exchange.header('cookie') ?? '').split(';')) {
    const equals = part.indexOf('=')
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim()
  }
  return undefined
}

/** Text inside the engine is latin1, one character a byte. */
function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
