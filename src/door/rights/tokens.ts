// Tokens (JWT): checks a signature and its claims, and returns the visitor with its channels.
//
//   sub         the ACL user; absent: `default`
//   subscribe   patterns of channels to listen to
//   publish     patterns of channels to publish to
//   mercure     the same for topics of the hub (mercure/hub.ts)
//   exp         when it ends; a token without an end is refused

import type { JWTPayload } from 'jose'
import type { Config } from '../../config/config.ts'
import type { Log } from '../../engine/log.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { type FindKey, type KeyFile, PUBLIC_ALGORITHMS, readKeyFile, secretKey, type TokenKey } from './token-keys.ts'
import { type MercureGrants, UNAUTHORIZED, type Visitor } from './visitor.ts'

/** Checked tokens: a client sends the same one with each request. */
const KNOWN_MAX = 2000
/** The greatest difference of the signer's clock. */
const CLOCK_TOLERANCE_SECONDS = 5

type Jose = typeof import('jose')

interface Environment {
  readonly clock: { now(): number }
  readonly log: Log
}

export class Tokens {
  readonly #config: Config
  readonly #environment: Environment
  /** Undefined until the first token comes. */
  #jose: Promise<Jose> | undefined = undefined
  #file: KeyFile | undefined = undefined
  /** Finds a key in the set of the file. */
  #find: FindKey | undefined = undefined
  /** Tokens that were checked with the keys of now; another map is made with new keys. */
  #known = new Map<string, Visitor>()

  /** Throws TokenKeysError where the file of keys cannot be used. */
  constructor(config: Config, environment: Environment) {
    this.#config = config
    this.#environment = environment
    this.#readFile()
  }

  /**
   * Reads the file of keys again, and forgets what was checked. On TokenKeysError everything
   * is as it was.
   */
  reload(): void {
    this.#readFile()
    this.#known = new Map()
  }

  #readFile(): void {
    const path = this.#config.get('http-token-keys')
    this.#file = path === '' ? undefined : readKeyFile(path)
    this.#find = undefined
  }

  /** Returns the visitor of a token. Rejects with HttpError if the token is not valid. */
  async visitorOf(token: string): Promise<Visitor> {
    // The keys may be others when the check is over.
    const known = this.#known
    const remembered = known.get(token)
    const visitor = remembered ?? visitorWith(await this.#verify(token))
    if (visitor.expiresMs + CLOCK_TOLERANCE_SECONDS * 1000 <= this.#environment.clock.now()) throw invalid()
    if (remembered !== undefined) return visitor
    if (known.size >= KNOWN_MAX) known.clear()
    known.set(token, visitor)
    return visitor
  }

  async #verify(token: string): Promise<JWTPayload> {
    this.#jose ??= import('jose')
    const jose = await this.#jose
    const config = this.#config
    const audience = config.get('http-token-audience')
    const options = {
      requiredClaims: ['exp'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(this.#environment.clock.now()),
      ...(audience === '' ? {} : { audience }),
    }
    const { set, keys } = this.#keysFor(algorithmOf(jose, token), jose)
    for (const { algorithms, key } of keys) {
      const checked = await jose
        .jwtVerify(token, key, { ...options, algorithms: [...algorithms] })
        .catch(() => undefined)
      if (checked !== undefined) return checked.payload
    }
    if (set === undefined) throw invalid()
    const ofSet = { ...options, algorithms: [...PUBLIC_ALGORITHMS] }
    try {
      return (await jose.jwtVerify(token, set, ofSet)).payload
    } catch (error) {
      // It names no key, and several would do.
      if (!(error instanceof jose.errors.JWKSMultipleMatchingKeys)) throw invalid()
      for await (const key of error) {
        const checked = await jose.jwtVerify(token, key, ofSet).catch(() => undefined)
        if (checked !== undefined) return checked.payload
      }
      throw invalid()
    }
  }

  #keysFor(algorithm: string, jose: Jose): { set: FindKey | undefined; keys: readonly TokenKey[] } {
    const secret = this.#config.get('http-token-secret')
    const file = this.#file
    if (algorithm === 'HS256') return { set: undefined, keys: secret === '' ? [] : [secretKey(secret)] }
    if (file === undefined) return { set: undefined, keys: [] }
    if ('keys' in file)
      return { set: undefined, keys: file.keys.filter(({ algorithms }) => algorithms.includes(algorithm)) }
    this.#find ??= jose.createLocalJWKSet(file.set)
    return { set: this.#find, keys: [] }
  }
}

/** One answer for every fault of a token: the reason would help a forger. */
function invalid(): HttpError {
  return new HttpError(401, 'the token is not valid', UNAUTHORIZED)
}

function algorithmOf(jose: Jose, token: string): string {
  try {
    return String(jose.decodeProtectedHeader(token).alg)
  } catch {
    throw invalid()
  }
}

function visitorWith(payload: JWTPayload): Visitor {
  const { exp, publish, sub = 'default', subscribe } = payload
  if (exp === undefined || typeof sub !== 'string') throw invalid()
  const grants = { subscribe: patternsOf(subscribe), publish: patternsOf(publish) }
  const visitor = { user: Buffer.from(sub).toString('latin1'), proof: 'signed', grants, expiresMs: exp * 1000 } as const
  const { mercure } = payload
  return typeof mercure === 'object' && mercure !== null ? { ...visitor, mercure: mercureGrants(mercure) } : visitor
}

function mercureGrants(claim: { publish?: unknown; subscribe?: unknown; payload?: unknown }): MercureGrants {
  const { payload, publish, subscribe } = claim
  return {
    payload,
    subscribe: subscribe === undefined ? undefined : patternsOf(subscribe),
    publish: publish === undefined ? undefined : patternsOf(publish),
  }
}

function patternsOf(claim: unknown): string[] {
  if (claim === undefined) return []
  const patterns: unknown[] = Array.isArray(claim) ? claim : [claim]
  if (!patterns.every((pattern) => typeof pattern === 'string')) throw invalid()
  return patterns
}
