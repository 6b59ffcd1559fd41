// Tokens (JWT) made by hand: a library would not make the wrong ones.

import { createHmac, type KeyObject, sign } from 'node:crypto'

export const TOKEN_SECRET = 'a secret of tokens that has 32 bytes'
/** In a minute, as claims have times. */
export const soon = (): number => Math.floor(Date.now() / 1000) + 60
export const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token that HMAC signs, by our own hand: jose would not make the wrong ones. */
export function hmacToken(
  claims: object,
  secret: string | Buffer = TOKEN_SECRET,
  header: object = { alg: 'HS256' },
): string {
  const body = `${part(header)}.${part(claims)}`
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`
}

export function keyToken(claims: object, alg: string, key: KeyObject, kid?: string): string {
  const body = `${part({ alg, kid })}.${part(claims)}`
  const digest = alg === 'EdDSA' ? null : 'sha256'
  return `${body}.${sign(digest, Buffer.from(body), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
