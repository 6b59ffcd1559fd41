// Finds the visitor of a request: reads its credentials, and checks all kinds but passwords.
//
// A password is checked when the visitor becomes a client of the engine, so that ACL LOG gets a
// wrong one.

import { hashPassword } from '../../acl/user.ts'
import type { Engine } from '../../commands/call.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { Standing } from '../exchanges/origins.ts'
import { RateLimits } from '../exchanges/rate-limits.ts'
import { credentialsOf } from './credentials.ts'
import { PasswordGuesses } from './password-guesses.ts'
import { Tickets } from './tickets.ts'
import { Tokens } from './tokens.ts'
import { OPEN_VISITOR, UNAUTHORIZED, type Visitor } from './visitor.ts'

/** The most requests of one address in a second that are refused for their rights; others wait. */
const FAILURES_PER_SECOND = 10

/** Visitors by the sessions of the console. */
export interface SessionVisitors {
  /** Returns the visitor of a request; undefined = no session concerns it. Throws HttpError. */
  visitorOf(exchange: Exchange, standing: Standing): Visitor | undefined
}

export class Gatekeeper {
  /** Undefined while the console is off. */
  sessions: SessionVisitors | undefined = undefined
  readonly tickets: Tickets
  readonly tokens: Tokens
  readonly #engine: Engine
  readonly #failures: RateLimits
  readonly #guesses: PasswordGuesses

  /** Throws TokenKeysError. */
  constructor(engine: Engine) {
    const { workClock } = engine.environment
    this.#engine = engine
    this.tickets = new Tickets(workClock)
    this.tokens = new Tokens(engine.config, engine.environment)
    this.#failures = new RateLimits(workClock)
    this.#guesses = new PasswordGuesses(workClock)
  }

  /** Returns the visitor of a request. Rejects with HttpError. */
  async visitorOf(exchange: Exchange, standing: Standing): Promise<Visitor> {
    if (exchange.authorize !== undefined) {
      const visitor = await exchange.authorize()
      if (visitor === undefined) throw new HttpError(401, 'this request is not authorized', UNAUTHORIZED)
      return visitor
    }
    this.#checkProtected(exchange)
    const bySession = carriesProof(exchange) ? undefined : this.sessions?.visitorOf(exchange, standing)
    if (bySession !== undefined) return bySession
    // A page of another site must not use the cookies of this one.
    const cookie = standing === 'any site' ? undefined : this.#engine.config.get('http-cookie')
    const credentials = credentialsOf(exchange, cookie)
    switch (credentials.kind) {
      case 'none':
        return OPEN_VISITOR
      case 'password':
        return this.#passwordOf(exchange, credentials.user, credentials.password)
      case 'bearer':
        return this.#ofBearer(exchange, credentials.text)
      case 'ticket':
        return this.tickets.take(credentials.ticket)
      default:
        return await this.tokens.visitorOf(credentials.token)
    }
  }

  /** Counts a refusal. Throws HttpError if an address has too many. */
  noteFailure(exchange: Exchange): void {
    this.#failures.take(exchange.ip, FAILURES_PER_SECOND)
  }

  /** Protected mode: a server without a password serves only its own machine. */
  #checkProtected({ ip }: Exchange): void {
    const { clients, config } = this.#engine
    if (config.get('protected-mode') && clients.users.default.noPassword && !isLoopback(ip))
      throw new HttpError(403, 'DENIED protected mode: without a password only this machine is served')
  }

  /** A password of the user `default`, or else `user:password`. */
  #ofBearer(exchange: Exchange, text: string): Visitor {
    const { users } = this.#engine.clients
    const name = text.slice(0, Math.max(0, text.indexOf(':')))
    const isDefaults = !users.default.noPassword && users.default.hasPassword(hashPassword(text))
    if (name === '' || isDefaults || users.get(name) === undefined) return this.#passwordOf(exchange, 'default', text)
    return this.#passwordOf(exchange, name, text.slice(name.length + 1))
  }

  /** Throws HttpError where the address has tried too many for this user. */
  #passwordOf({ ip }: Exchange, user: string, password: string): Visitor {
    const guesses = this.#guesses
    guesses.check(ip, user, password)
    const proof = {
      password,
      accepted: () => guesses.accepted(ip, user, password),
      refused: () => guesses.refused(ip, user),
    }
    return { user, proof, grants: undefined, expiresMs: Number.POSITIVE_INFINITY }
  }
}

/**
 * Tells whether a request says itself who sends it. Sessions concern the routes of version 1 alone:
 * by another a link could run a command.
 */
function carriesProof(exchange: Exchange): boolean {
  if (!exchange.path.startsWith('/v1/') || exchange.header('authorization') !== undefined) return true
  return ['ticket', '_token', 'authorization'].some((name) => exchange.query.has(name))
}

function isLoopback(ip: string): boolean {
  return ip === '::1' || /^(::ffff:)?127\./.test(ip) || ip === ''
}
