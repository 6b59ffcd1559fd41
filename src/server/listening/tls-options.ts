// Certificates as a program gives them. The name of a file becomes a setting; PEM text is passed on
// as it is.

import { anyText, OptionError, type OptionKind, oneOf, type Settings, takeOptions } from '../boot/options.ts'
import type { TlsMaterial } from './tls-settings.ts'

/** PEM text, or the name of a file. CONFIG SET of its setting reads the file again. */
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
   * Whether clients need a certificate of such an authority; `optional`: only a certificate that is
   * shown must be valid. Default: true if there is a `ca`.
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
 * Returns settings, and the material that is not in files. Throws OptionError for values that are
 * invalid, or contradict `config`.
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
