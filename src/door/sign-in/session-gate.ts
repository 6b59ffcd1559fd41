// The visitor of a browser that shows the console: the user of the session in its cookie, or the
// user that a trusted proxy names.
//
// A browser sends both by itself, so a page of another site could use them. The cookie is
// SameSite=Strict, requests of other sites count as without it, and what changes something needs
// an Origin of ours and a header that no form can send.

import type { Engine } from '../../commands/call.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { Standing } from '../exchanges/origins.ts'
import { cookieOf } from '../rights/credentials.ts'
import type { SessionVisitors } from '../rights/gatekeeper.ts'
import type { Visitor } from '../rights/visitor.ts'
import { Proxies } from './proxies.ts'
import { type Session, Sessions } from './sessions.ts'

/** The header that a request that changes something carries. */
const OWN_HEADER = 'x-respite-console'
const FORGED = 'a request that changes something needs the Origin of this console and the header X-Respite-Console: 1'

export class SessionGate implements SessionVisitors {
  readonly sessions: Sessions
  readonly proxies: Proxies
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
    this.sessions = new Sessions(engine)
    this.proxies = new Proxies(engine.config)
  }

  /** Returns the visitor of a request; undefined = no session concerns it. Throws HttpError. */
  visitorOf(exchange: Exchange, standing: Standing): Visitor | undefined {
    if (standing === 'any site' || standing === 'allowed site') return undefined
    const user = this.proxies.userOf(exchange)
    const session = user === undefined ? this.sessionOf(exchange) : undefined
    if (user === undefined && session === undefined) return undefined
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD') checkForgery(exchange, standing)
    const expiresMs = session?.expiresAt ?? Number.POSITIVE_INFINITY
    return { user: user ?? session!.user, proof: 'signed', grants: undefined, expiresMs }
  }

  /** The session of a request, which counts as used; undefined = there is none. */
  sessionOf(exchange: Exchange): Session | undefined {
    const id = this.idOf(exchange)
    return id === undefined ? undefined : this.sessions.use(id)
  }

  /** The id that a request carries, whether a session has it or not. */
  idOf(exchange: Exchange): string | undefined {
    return cookieOf(exchange, cookieName(exchange))
  }

  /** The header that gives a browser an id; undefined = takes it away. */
  cookie(exchange: Exchange, id: string | undefined): string {
    const { config } = this.#engine
    const age = id === undefined ? 0 : config.get('console-session-max')
    const secure = this.proxies.isEncrypted(exchange) ? '; Secure' : ''
    const path = `${config.get('console-path')}/`
    return `${cookieName(exchange)}=${id ?? ''}; Path=${path}; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`
  }
}

/** Throws HttpError for a request that another site's page may have made a browser send. */
export function checkForgery(exchange: Exchange, standing: Standing): void {
  const isOurs = standing === 'same site' && exchange.header('origin') !== undefined
  if (!isOurs || exchange.header(OWN_HEADER) !== '1') throw new HttpError(403, FORGED)
}

/** Browsers send cookies of one host to all of its ports, so the name tells the port. */
function cookieName({ localAddress }: Exchange): string {
  return `respite-console-${localAddress.slice(localAddress.lastIndexOf(':') + 1)}`
}
