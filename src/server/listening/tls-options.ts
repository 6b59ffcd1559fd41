// Certificates as a program gives them: what is the name of a file is a setting, what is no name is
// given as it is.

import { anyText, OptionError, type OptionKind, oneOf, type Settings, takeOptions } from '../boot/options.ts'
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
  /**
   * Whether clients need a certificate of one of them; `optional` = one that is shown must be.
   * Default: where there is a `ca`.
   */
  authClients?: 'no' | 'yes' | 'optional'
}

const pem = {
  what: 'PEM or the name of a file, as a string, or PEM as a Buffer',
  accepts: (value: unknown) => anyText.accepts(value) || value instanceof Uint8Array,
}

const TLS_OPTIONS = {
  cert: pem,
  key: pem,
  passphrase: anyText,
  ca: pem,
  authClients: oneOf('no', 'yes', 'optional'),
} satisfies Record<keyof TlsOptions, OptionKind>

const TLS_FILES = { cert: 'tls-cert-file', key: 'tls-key-file', ca: 'tls-ca-cert-file' } as const

/**
 * Returns settings, and what is in no file. Throws OptionError for what cannot be taken, or
 * contradicts `config`.
 */
export function splitTls(given: TlsOptions, config: Settings = {}): [Settings, TlsMaterial] {
  const tls = takeOptions(given, TLS_OPTIONS, 'tls.')
  const { passphrase, ca, authClients } = tls
  const settings: Settings = { 'tls-auth-clients': authClients ?? (ca === undefined ? 'no' : 'yes') }
  const material: { -readonly [Part in keyof TlsMaterial]: TlsMaterial[Part] } = {}
  if (passphrase !== undefined) settings['tls-key-file-pass'] = passphrase
  for (const part of ['cert', 'key', 'ca'] as const) {
    const source = tls[part]
    const setting = TLS_FILES[part]
    if (source !== undefined && config[setting] !== undefined && config[setting] !== source) {
      throw new OptionError(`option 'tls.${part}': '${setting}' in 'config' says something else`)
    }
    if (typeof source === 'string' && !source.includes('-----BEGIN ')) settings[setting] = source
    else material[part] = source
  }
  return [settings, material]
}
