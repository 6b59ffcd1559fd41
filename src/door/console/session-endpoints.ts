// /v1/session: signs in, tells who is signed in, signs out.

import { hashPassword } from '../../acl/user.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { Password, Visitor } from '../rights/visitor.ts'
import { checkForgery } from '../sign-in/session-gate.ts'
import type { SignInWay } from '../sign-in/sessions.ts'
import { answerJson, type Console, jsonBody } from './console.ts'
import type { ConsoleRequest, Endpoint, Shape } from './endpoint.ts'

const BROKER: Shape = {
  name: 'string',
  kind: 'string',
  version: 'string',
  redisVersion: 'string',
  role: 'string',
  mode: 'string',
  address: 'string?',
  startedAt: 'integer',
  features: 'object',
  missing: 'object?',
}
const SESSION: Shape = {
  signedIn: 'boolean',
  open: 'boolean?',
  user: 'string?',
  how: 'string?',
  expiresAt: 'integer?',
  idleSeconds: 'integer?',
  broker: BROKER,
}

export const SESSION_ENDPOINTS: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/v1/session',
    summary: 'Tells who is signed in to the console, and what the broker is.',
    answer: SESSION,
    handle: async (console, { exchange, visitor }) => answerJson(exchange, await sessionOf(console, exchange, visitor)),
  },
  {
    method: 'POST',
    path: '/v1/session',
    summary: 'Signs an ACL user in by password, or by the word of a one-use link. The session is in a cookie.',
    body: { user: 'string?', password: 'string?', link: 'string?' },
    answer: SESSION,
    statuses: { 401: 'The password or the link is wrong.', 429: 'Too many wrong passwords came from this address.' },
    handle: signIn,
  },
  {
    method: 'DELETE',
    path: '/v1/session',
    summary: 'Signs out.',
    answer: 'nothing',
    statuses: { 204: 'The session has ended.' },
    handle: signOut,
  },
]

/** The answer to GET. A request that no session concerns is told no more than that. */
async function sessionOf(console: Console, exchange: Exchange, visitor: Visitor): Promise<object> {
  const { engine, gate } = console
  const { users } = engine.clients
  // The gate has looked at the site that the request comes from.
  const isSigned = visitor.proof === 'signed' && users.get(visitor.user)?.enabled === true
  const session = isSigned ? gate.sessionOf(exchange) : undefined
  const isByProxy = isSigned && session === undefined && gate.proxies.userOf(exchange) !== undefined
  if (session === undefined && !isByProxy) return { signedIn: false, open: users.isOpen, broker: null }
  const idleSeconds = engine.config.get('console-session-idle')
  const times = { expiresAt: session?.expiresAt ?? null, idleSeconds }
  const user = Buffer.from(visitor.user, 'latin1').toString('utf8')
  return { signedIn: true, user, how: session?.how ?? 'proxy', ...times, broker: await console.describe(exchange) }
}

async function signIn(console: Console, { exchange, standing }: ConsoleRequest): Promise<void> {
  checkForgery(exchange, standing)
  const { link, password, user } = await jsonBody(console, exchange)
  if (typeof link === 'string') return begin(console, exchange, byLink(console, exchange, link), 'link', undefined)
  if (typeof user !== 'string' || user === '' || typeof password !== 'string')
    throw new HttpError(400, 'a sign-in has a user and a password')
  checkPassword(console, exchange, user, password)
  await begin(console, exchange, user, 'password', hashPassword(latin1(password)))
}

/** Throws HttpError for a wrong password, and for too many of them. */
function checkPassword({ clients, gate, limits }: Console, exchange: Exchange, user: string, password: string): void {
  const ip = gate.proxies.addressOf(exchange)
  limits.check(ip, user)
  const proof: Password = {
    password: latin1(password),
    accepted: () => limits.succeeded(ip, user),
    refused: () => limits.failed(ip, user),
  }
  const expiresMs = Number.POSITIVE_INFINITY
  clients.of(exchange, { user: latin1(user), proof, grants: undefined, expiresMs })
}

function byLink({ gate, limits, links }: Console, exchange: Exchange, word: string): string {
  const ip = gate.proxies.addressOf(exchange)
  limits.check(ip, '')
  const user = links.take(word)
  if (user !== undefined) return user
  limits.failed(ip, '')
  throw new HttpError(401, 'the link was used or is too old')
}

async function begin(
  console: Console,
  exchange: Exchange,
  user: string,
  how: SignInWay,
  password: Buffer | undefined,
): Promise<void> {
  const { audit, gate } = console
  // A planted or an earlier id is worth nothing from here on.
  const earlier = gate.idOf(exchange)
  if (earlier !== undefined) gate.sessions.end(earlier)
  const id = gate.sessions.begin(latin1(user), how, password)
  const session = gate.sessions.use(id)
  if (session === undefined) throw new HttpError(401, 'WRONGPASS invalid username-password pair or user is disabled.')
  const visitor = { user, proof: 'signed', grants: undefined, expiresMs: session.expiresAt } as const
  audit.tell(exchange, visitor, { signedIn: how })
  const idleSeconds = console.engine.config.get('console-session-idle')
  const { expiresAt } = session
  const told = { signedIn: true, user, how, expiresAt, idleSeconds, broker: await console.describe(exchange) }
  answerJson(exchange, told, { 'Set-Cookie': gate.cookie(exchange, id) })
}

function signOut({ audit, gate }: Console, { exchange, standing, visitor }: ConsoleRequest): void {
  checkForgery(exchange, standing)
  const id = gate.idOf(exchange)
  if (id !== undefined && gate.sessions.use(id) !== undefined) audit.tell(exchange, visitor, { signedOut: true })
  if (id !== undefined) gate.sessions.end(id)
  exchange.answer(204, { 'Set-Cookie': gate.cookie(exchange, undefined), 'Cache-Control': 'no-store' }, '')
}

/** The engine's form of a text: one character for each byte. */
function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
