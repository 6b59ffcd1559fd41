// The keys for checking tokens: a secret, and public keys in a file.
//
// A key checks the algorithms of its kind and no other. So a public key is never taken for a secret
// of HS256, and no key has the algorithm `none`.

import { createPublicKey, type KeyObject } from 'node:crypto'
import fs from 'node:fs'
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'

/** A key, and the algorithms that it may check. */
export interface TokenKey {
  readonly algorithms: readonly string[]
  readonly key: KeyObject | Uint8Array
}

/** The keys of a file: of PEM blocks, or a set that finds the key by the token's header. */
export type KeyFile = { readonly keys: readonly TokenKey[] } | { readonly set: JSONWebKeySet }

/** The algorithms that a key of a set may check, whatever its own `alg` says. */
export const PUBLIC_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'] as const

/** Finds a key in a set. */
export type FindKey = JWTVerifyGetKey

/** The file of keys cannot be used. The message names no secret. */
export class TokenKeysError extends Error {
  override name = 'TokenKeysError'
}

/** Reads a file of keys. Throws TokenKeysError. */
export function readKeyFile(path: string): KeyFile {
  const text = readText(path)
  const file = text.trimStart().startsWith('{') ? readSet(text) : readPem(text)
  if (file === undefined) throw new TokenKeysError('http-token-keys holds neither PEM nor a JWKS of public keys')
  return file
}

/** Makes the key of a secret. */
export function secretKey(secret: string): TokenKey {
  return { algorithms: ['HS256'], key: Buffer.from(secret, 'latin1') }
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch (error) {
    throw new TokenKeysError(`http-token-keys cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
}

function readSet(text: string): KeyFile | undefined {
  let set: JSONWebKeySet
  try {
    set = JSON.parse(text) as JSONWebKeySet
  } catch {
    return undefined
  }
  if (!Array.isArray(set.keys) || set.keys.length === 0) return undefined
  // A secret must not lie beside public keys, and a private key does not belong here.
  return set.keys.every(({ kty, d }) => kty !== 'oct' && d === undefined) ? { set } : undefined
}

function readPem(text: string): KeyFile | undefined {
  const blocks = text.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g) ?? []
  if (blocks.length === 0 || blocks.some((block) => block.includes('PRIVATE KEY'))) return undefined
  return { keys: blocks.map(publicKey) }
}

function publicKey(block: string): TokenKey {
  let key: KeyObject
  try {
    key = createPublicKey(block)
  } catch {
    throw new TokenKeysError('http-token-keys holds a key that cannot be read')
  }
  return { algorithms: algorithmsOf(key), key }
}

function algorithmsOf(key: KeyObject): readonly string[] {
  if (key.asymmetricKeyType === 'rsa') return ['RS256']
  if (key.asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519']
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return ['ES256']
  throw new TokenKeysError('http-token-keys: keys are RSA, P-256 or Ed25519')
}
