// The settings of TLS: certificates, versions and ciphers, in the form of Node's tls.
//
// Errors have Redis's words. Files are read at each call, so another call reads renewed ones.

import { constants } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import tls from 'node:tls'
import type { Config } from '../../config/config.ts'
import { describeDiskError } from '../../persistence/errors.ts'
import { itemAt } from '../../util/array-reads.ts'
import { TlsError } from '../boot/errors.ts'

type Pem = string | Buffer

/** Material that a program passes instead of files, as PEM. A file that is set comes first. */
export interface TlsMaterial {
  readonly cert?: Pem | undefined
  readonly key?: Pem | undefined
  readonly ca?: Pem | undefined
}

/**
 * The versions in their order: their names in `tls-protocols` and in Node, and the option that
 * turns each off.
 */
const VERSIONS = [
  { name: 'tlsv1', version: 'TLSv1', without: constants.SSL_OP_NO_TLSv1 },
  { name: 'tlsv1.1', version: 'TLSv1.1', without: constants.SSL_OP_NO_TLSv1_1 },
  { name: 'tlsv1.2', version: 'TLSv1.2', without: constants.SSL_OP_NO_TLSv1_2 },
  { name: 'tlsv1.3', version: 'TLSv1.3', without: constants.SSL_OP_NO_TLSv1_3 },
] as const
const DEFAULT_VERSIONS = 'TLSv1.2 TLSv1.3'

/** OpenSSL's default, which Redis leaves in force. */
const DEFAULT_CIPHERS = 'DEFAULT'
const DEFAULT_CIPHERSUITES = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256'

/**
 * OpenSSL's SSL_OP_NO_RENEGOTIATION, which Node does not name. Renegotiated keys cost the server
 * more than the client.
 */
const NO_RENEGOTIATION = 2 ** 30

/** The id of sessions, as in Redis: sessions of other servers are not resumed. */
const SESSION_ID_CONTEXT = 'redis'

/** Returns true if any setting asks for TLS. */
export function usesTls(config: Config): boolean {
  return config.get('tls-port') !== 0 || config.get('tls-replication') || config.get('tls-cluster')
}

/**
 * Reads everything that a server needs for handshakes, except whether clients must show a
 * certificate. Throws TlsError.
 */
export function readTlsSettings(config: Config, given: TlsMaterial): tls.TlsOptions {
  const certFile = config.get('tls-cert-file')
  const keyFile = config.get('tls-key-file')
  const [caFile, caDirectory] = [config.get('tls-ca-cert-file'), config.get('tls-ca-cert-dir')]
  if (certFile === '' && given.cert === undefined) throw new TlsError('No tls-cert-file configured!')
  if (keyFile === '' && given.key === undefined) throw new TlsError('No tls-key-file configured!')
  const hasAuthorities = caFile !== '' || caDirectory !== '' || given.ca !== undefined
  const verifies = config.get('tls-auth-clients') !== 'no'
  if ((verifies || config.get('tls-cluster') || config.get('tls-replication')) && !hasAuthorities) {
    throw new TlsError(
      'Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!',
    )
  }
  const draft = new Draft({
    // Only the certificate authorities of the settings are trusted.
    ca: [],
    ...versionsOf(config),
    honorCipherOrder: config.get('tls-prefer-server-ciphers'),
    sessionIdContext: SESSION_ID_CONTEXT,
    sessionTimeout: config.get('tls-session-cache-timeout'),
  })
  const authorities = (): Pem[] => [
    ...(caFile === '' ? [] : [fs.readFileSync(caFile)]),
    ...(caDirectory === '' ? [] : certificatesIn(caDirectory)),
    ...(hasAuthorities && caFile === '' && caDirectory === '' ? [given.ca!] : []),
  ]
  draft.add(`Failed to load certificate: ${certFile || 'tls.cert'}`, () => ({ cert: pem(certFile, given.cert) }))
  draft.add(`Failed to load private key: ${keyFile || 'tls.key'}`, () => ({
    key: pem(keyFile, given.key),
    // An empty password keeps OpenSSL from asking on the terminal.
    passphrase: config.get('tls-key-file-pass'),
  }))
  draft.add('Failed to configure CA certificate(s) file/directory', () => ({ ca: authorities() }))
  draft.add(`Failed to configure ciphers: ${config.get('tls-ciphers')}`, () => ({
    ciphers: `${DEFAULT_CIPHERSUITES}:${config.get('tls-ciphers') || DEFAULT_CIPHERS}`,
  }))
  draft.add(`Failed to configure ciphersuites: ${config.get('tls-ciphersuites')}`, () => ({
    ciphers: `${suitesOf(config)}:${config.get('tls-ciphers') || DEFAULT_CIPHERS}`,
  }))
  const dhFile = config.get('tls-dh-params-file')
  draft.add(`Failed to load ${dhFile}`, () => ({ dhparam: dhFile === '' ? 'auto' : readDhParameters(dhFile) }))
  checkClientCertificate(config)
  return draft.options
}

/** Reads everything for connections to TLS servers. Throws TlsError. */
export function readTlsClientSettings(config: Config, given: TlsMaterial): tls.SecureContextOptions {
  const [certFile, keyFile] = [config.get('tls-client-cert-file'), config.get('tls-client-key-file')]
  const options = readTlsSettings(config, given)
  if (certFile === '' || keyFile === '') return options
  const passphrase = config.get('tls-client-key-file-pass')
  return { ...options, cert: fs.readFileSync(certFile), key: fs.readFileSync(keyFile), passphrase }
}

/** Options that are tried after each addition, so that an error can name the setting. */
class Draft {
  options: tls.TlsOptions

  constructor(options: tls.TlsOptions) {
    this.options = options
  }

  add(failure: string, options: () => tls.TlsOptions): void {
    try {
      const tried = { ...this.options, ...options() }
      tls.createSecureContext(tried)
      this.options = tried
    } catch (error) {
      throw new TlsError(`${failure}: ${describeTlsError(error)}`)
    }
  }
}

/** Returns the error of OpenSSL or of the disk in Redis's words. */
export function describeTlsError(error: unknown): string {
  const { message, syscall } = error as NodeJS.ErrnoException
  if (syscall !== undefined) return describeDiskError(error)
  // 80D1:error:0A000416:SSL routines:ssl3_read_bytes:sslv3 alert certificate
  // unknown:../rec_layer_s3.c:1586:…
  const detailed = /error:([0-9A-F]{8}):([^:]*):[^:]*:([^:\n]*)/.exec(message)
  return detailed === null ? message : `error:${detailed[1]}:${detailed[2]}::${detailed[3]}`
}

function pem(file: string, given: Pem | undefined): Pem {
  return file === '' ? given! : fs.readFileSync(file)
}

/** Node takes a file without certificates as a request for no authorities. */
function readDhParameters(file: string): Buffer {
  const bytes = fs.readFileSync(file)
  if (!bytes.includes('DH PARAMETERS-----')) throw new Error('failed to read DH params.')
  return bytes
}

/**
 * Reads every certificate of a directory, whatever its file is called. As in Redis, a missing
 * directory has none.
 */
function certificatesIn(directory: string): Buffer[] {
  if (!fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return []
  return fs
    .readdirSync(directory)
    .map((name) => path.join(directory, name))
    .filter((file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile())
    .map((file) => fs.readFileSync(file))
    .filter((bytes) => bytes.includes('-----BEGIN '))
}

function versionsOf(config: Config): tls.SecureContextOptions {
  const words = (config.get('tls-protocols') || DEFAULT_VERSIONS).toLowerCase().split(' ')
  if (!words.every((word) => VERSIONS.some(({ name }) => name === word))) {
    throw new TlsError(
      "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.",
    )
  }
  const spoken = VERSIONS.filter(({ name }) => words.includes(name))
  let secureOptions: number = NO_RENEGOTIATION
  for (const { name, without } of VERSIONS) if (!words.includes(name)) secureOptions |= without
  // Sessions are kept by the clients, encrypted, in tickets.
  if (!config.get('tls-session-caching')) secureOptions |= constants.SSL_OP_NO_TICKET
  return { minVersion: itemAt(spoken, 0).version, maxVersion: spoken.at(-1)!.version, secureOptions }
}

function suitesOf(config: Config): string {
  const suites = config.get('tls-ciphersuites') || DEFAULT_CIPHERSUITES
  // Node takes a name with another beginning for a cipher of TLS 1.2.
  if (!suites.split(':').every((suite) => suite.startsWith('TLS_'))) throw new Error('no ciphersuites of TLSv1.3')
  return suites
}

/** No connection needs a client certificate yet, but a configured one must be valid. */
function checkClientCertificate(config: Config): void {
  const [certFile, keyFile] = [config.get('tls-client-cert-file'), config.get('tls-client-key-file')]
  if (certFile === '' || keyFile === '') return
  const draft = new Draft({ ca: [] })
  draft.add(`Failed to load certificate: ${certFile}`, () => ({ cert: fs.readFileSync(certFile) }))
  draft.add(`Failed to load private key: ${keyFile}`, () => ({
    key: fs.readFileSync(keyFile),
    passphrase: config.get('tls-client-key-file-pass'),
  }))
}
