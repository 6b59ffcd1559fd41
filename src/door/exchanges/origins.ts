// Which host a request may name, and which site's pages may send it.
//
// A page in a browser can send requests to any address that the browser reaches, and to its own
// host name when that resolves to such an address (DNS rebinding). So Host must be an address,
// localhost, or a name of `http-hosts`. A page of another site sends Origin with most requests,
// and Sec-Fetch-Site with all of them; programs send neither.

import net from 'node:net'
import type { Config } from '../../config/config.ts'
import type { Exchange } from './exchange.ts'
import { HttpError } from './http-error.ts'

const WRONG_HOST = 'this host name is not served here: see http-hosts'
const WRONG_ORIGIN = 'pages of this origin are not served here: see http-cors-origin'
const METHODS = 'GET, POST, PUT, DELETE, OPTIONS'
/** Headers that scripts of other sites may send and see. */
const REQUEST_HEADERS =
  'Authorization, Content-Type, Last-Event-ID, Idempotency-Key, Publish-At, Publish-In, Upstash-Encoding, Upstash-Sync-Token, Upstash-Telemetry-Runtime, Upstash-Telemetry-Sdk, Upstash-Telemetry-Platform, Upstash-Response-Format, Cache-Control'
const SHOWN_HEADERS = 'Last-Event-ID, Link, Location, Retry-After'
/** A browser may remember for so long what another site may do. */
const PREFLIGHT_SECONDS = '600'

/** How a request stands to the site that is served. */
export type Standing = 'program' | 'same site' | 'allowed site' | 'any site'

/** Throws HttpError for a host that is not ours. */
export function checkHost(exchange: Exchange, config: Config): void {
  if (exchange.isWithinProgram) return
  const host = exchange.header('host')
  if (host === undefined || host === '') throw new HttpError(400, 'a request names its host')
  const name = host.replace(/:\d*$/, '').toLowerCase()
  if (name === 'localhost' || net.isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0) return
  const named = wordsOf(config.get('http-hosts'))
  if (!named.includes('*') && !named.includes(name)) throw new HttpError(421, WRONG_HOST)
}

/**
 * Looks where a request comes from, and adds what CORS wants. Throws HttpError for a page of a
 * foreign site.
 */
export function checkOrigin(exchange: Exchange, config: Config): Standing {
  const origin = exchange.header('origin')
  if (origin === undefined) {
    if (isCrossSite(exchange)) throw new HttpError(403, WRONG_ORIGIN)
    return exchange.header('sec-fetch-site') === undefined ? 'program' : 'same site'
  }
  if (isOwn(origin, exchange)) return 'same site'
  const allowed = wordsOf(config.get('http-cors-origin'))
  exchange.addHeader('Vary', 'Origin')
  if (allowed.includes(origin.toLowerCase())) {
    exchange.addHeader('Access-Control-Allow-Origin', origin)
    exchange.addHeader('Access-Control-Allow-Credentials', 'true')
    exchange.addHeader('Access-Control-Expose-Headers', SHOWN_HEADERS)
    return 'allowed site'
  }
  if (!allowed.includes('*')) throw new HttpError(403, WRONG_ORIGIN)
  exchange.addHeader('Access-Control-Allow-Origin', '*')
  exchange.addHeader('Access-Control-Expose-Headers', SHOWN_HEADERS)
  return 'any site'
}

/** Answers what a browser asks before it lets another site's page send a request. */
export function answerPreflight(exchange: Exchange): void {
  const headers = {
    Allow: METHODS,
    'Access-Control-Allow-Methods': METHODS,
    'Access-Control-Allow-Headers': REQUEST_HEADERS,
    'Access-Control-Max-Age': PREFLIGHT_SECONDS,
  }
  exchange.answer(204, headers, '')
}

function isOwn(origin: string, exchange: Exchange): boolean {
  // The scheme may be that of a proxy in front.
  return origin.replace(/^https?:\/\//, '').toLowerCase() === exchange.header('host')?.toLowerCase()
}

/**
 * A browser's link or image sends no Origin, but says in Sec-Fetch-Site that another site asked
 * for it.
 */
function isCrossSite(exchange: Exchange): boolean {
  const site = exchange.header('sec-fetch-site')
  return site === 'cross-site' || site === 'same-site'
}

function wordsOf(text: string): string[] {
  return text === '' ? [] : text.toLowerCase().split(' ')
}
