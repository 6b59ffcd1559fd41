// A visitor over HTTP: an ACL user, and the rights of that user that a token leaves.
//
// The ACL decides in any case, because a visitor is a client of the engine. Grants only take away.

import type { Engine } from '../../commands/call.ts'
import type { Client } from '../../engine/clients/client.ts'
import type { Transport } from '../../engine/clients/transport.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { globMatch } from '../../util/bytes/glob.ts'
import { HttpError } from '../exchanges/http-error.ts'

/** The channels that a token allows, as patterns of ACL rules. */
export interface Grants {
  readonly subscribe: readonly string[]
  readonly publish: readonly string[]
}

/** The topics that Mercure's claim allows; undefined = the claim has no such list. */
export interface MercureGrants {
  readonly subscribe: readonly string[] | undefined
  readonly publish: readonly string[] | undefined
  /** Is told of a subscriber to those who may list subscriptions. */
  readonly payload?: unknown
}

/** A password, and where it leads: it is told to one that counts wrong ones. */
export interface Password {
  readonly password: string
  /** Notes that it was right. */
  accepted(): void
  /** Notes that it was wrong. Throws HttpError where too many were. */
  refused(): void
}

/**
 * The proof of a user: none is needed, a password, or a signature by this server or by a trusted
 * key.
 */
export type Proof = Password | 'open' | 'signed'

export interface Visitor {
  readonly user: string
  readonly proof: Proof
  /** Undefined = everything that the ACL allows, with commands. */
  readonly grants: Grants | undefined
  /** The grants of a token with the claim `mercure`. */
  readonly mercure?: MercureGrants
  /** Unix milliseconds of the end of its streams. */
  readonly expiresMs: number
  /** It came by a ticket: it opens a stream, and nothing else. */
  readonly hasTicket?: boolean
  /** Called when its proof was found right, for each request. Throws HttpError: it asks too often. */
  readonly proven?: () => void
}

export const OPEN_VISITOR: Visitor = {
  user: 'default',
  proof: 'open',
  grants: undefined,
  expiresMs: Number.POSITIVE_INFINITY,
}

export const UNAUTHORIZED = { 'WWW-Authenticate': 'Bearer realm="respite"' } as const

/**
 * Makes a visitor a client of the engine. Throws HttpError if the user is unknown or there are too
 * many clients.
 */
export function connectVisitor(engine: Engine, transport: Transport, visitor: Visitor): Client {
  const { proof } = visitor
  const { connected } = engine.clients
  if (connected.size >= engine.config.get('maxclients')) {
    engine.figures.stats.connectionsRejected++
    throw new HttpError(503, 'max number of clients reached', { 'Retry-After': '1' })
  }
  const client = engine.connect(transport)
  try {
    proveVisitor(engine, client, visitor)
  } catch (error) {
    engine.disconnect(client)
    throw error
  }
  if (typeof proof !== 'string') proof.accepted()
  return client
}

/** Makes a client the visitor's user, as each request must. Throws HttpError. */
export function proveVisitor(engine: Engine, client: Client, { proof, proven, user }: Visitor): void {
  const { users } = engine.clients
  if (proof === 'open') {
    if (!users.isOpen) throw new HttpError(401, 'NOAUTH Authentication required.', UNAUTHORIZED)
  } else {
    const isKnown = proof === 'signed' ? users.identify(client, user) : users.authenticate(client, user, proof.password)
    if (!isKnown) {
      users.refused(client, 'auth', 'toplevel', Bytes.from('http'), Bytes.from(user))
      if (proof !== 'signed') proof.refused()
      throw new HttpError(401, 'WRONGPASS invalid username-password pair or user is disabled.', UNAUTHORIZED)
    }
  }
  proven?.()
}

/** Throws HttpError if the token does not allow publishing to a channel. */
export function checkPublish({ grants }: Visitor, channel: string): void {
  if (grants === undefined || opens(grants.publish, channel)) return
  throw new HttpError(403, 'NOPERM the token does not open this channel to publish to')
}

/** Throws HttpError if the token does not allow listening to a channel or a pattern. */
export function checkSubscribe({ grants }: Visitor, kind: 'channel' | 'pattern', name: string): void {
  if (grants === undefined) return
  const isOpen = kind === 'channel' ? opens(grants.subscribe, name) : opensPattern(grants.subscribe, name)
  if (!isOpen) throw new HttpError(403, `NOPERM the token does not open this ${kind} to listen to`)
}

function opens(patterns: readonly string[], channel: string): boolean {
  return patterns.some((pattern) => pattern === channel || globMatch(pattern, channel))
}

/**
 * As in ACL rules, a pattern must be one of the given ones; whether one covers another is not
 * checked.
 */
function opensPattern(patterns: readonly string[], wanted: string): boolean {
  return patterns.includes(wanted) || patterns.includes('*')
}
