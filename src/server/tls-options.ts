// Certificates as a program gives them: what is the name of a file is a setting, what is no name is given as it is.

import type { Settings } from './boot.ts'
import type { TlsMaterial } from './tls-settings.ts'

/** PEM, or the name of a file that holds it; a file is read again by CONFIG SET of its setting. */
export type PemSource = string | Buffer

export interface TlsOptions {
  /** The certificate, and those between it and its authority. */
  cert: PemSource
  /** Its private key. */
  key: PemSource
  /** Password of the key. */
  passphrase?: string
  /** Authorities whose clients' certificates are trusted. */
  ca?: PemSource
  /** Whether clients need a certificate of one of them; `optional` = one that is shown must be. Default: where there is a `ca`. */
  authClients?: 'no' | 'yes' | 'optional'
}

/** Returns settings, and what is in no file. */
export function splitTls({ cert, key, passphrase, ca, authClients }: TlsOptions): [Settings, TlsMaterial] {
  const settings: Settings = { 'tls-auth-clients': authClients ?? (ca === undefined ? 'no' : 'yes') }
  const material: { -readonly [Part in keyof TlsMaterial]: TlsMaterial[Part] } = {}
  if (passphrase !== undefined) settings['tls-key-file-pass'] = passphrase
  for (const [part, source] of [
    ['cert', cert],
    ['key', key],
    ['ca', ca],
  ] as const) {
    if (typeof source === 'string' && !source.includes('-----BEGIN ')) settings[TLS_FILES[part]] = source
    else material[part] = source
  }
  return [settings, material]
}

const TLS_FILES = { cert: 'tls-cert-file', key: 'tls-key-file', ca: 'tls-ca-cert-file' } as const
