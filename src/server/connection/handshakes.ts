// Connections that are not secure yet: accepted, and shaking hands.
//
//   accepted ──▶ pending ──secure, with a certificate as required──▶ done
//                   └──refused, closed, or too slow──▶ failed, destroyed
//
// The server of node:tls that does the work does not listen; accepted sockets are passed to it. New
// settings create a new one, and handshakes with the one before may finish. A pending connection
// counts as a client for `maxclients`, but is none.

import type net from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { assert } from '../../util/assert.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import { describeTlsError } from '../listening/tls-settings.ts'

/**
 * From accepting to the end of the handshake: some round trips, and perhaps a script that blocks
 * the server meanwhile.
 */
const HANDSHAKE_MS_MAX = 30_000

/** Whether clients must show a certificate: `tls-auth-clients`. */
export type ClientCertificates = 'no' | 'yes' | 'optional'

export interface HandshakeResults {
  /** The connection is secure; nothing was read from it. */
  done(socket: TLSSocket): void
  /** The connection has ended; `reason` is in Redis's words. */
  failed(reason: string, addresses: Addresses): void
}

/** The addresses of a connection, which the socket tells only while it is connected. */
interface Addresses {
  readonly addr: string
  readonly laddr: string
}

interface Pending {
  readonly addresses: Addresses
  readonly tooLate: Timer
}

const VERIFY_FAILED = 'error:0A000086:SSL routines::certificate verify failed'
const NO_CERTIFICATE = 'error:0A0000C7:SSL routines::peer did not return a certificate'

export class Handshakes {
  readonly #clock: Clock
  readonly #results: HandshakeResults
  readonly #pending = new Map<net.Socket, Pending>()
  #options: tls.TlsOptions = {}
  #server: tls.Server | undefined = undefined

  constructor(clock: Clock, results: HandshakeResults) {
    this.#clock = clock
    this.#results = results
  }

  /** Connections that are shaking hands. */
  get count(): number {
    return this.#pending.size
  }

  /** Uses these settings for later connections. Throws the errors of node:tls. */
  use(options: tls.TlsOptions, certificates: ClientCertificates): void {
    this.#server = this.#createServer(options, certificates)
    this.#options = options
  }

  /** Sets whether clients must show a certificate; everything else stays. */
  want(certificates: ClientCertificates): void {
    if (this.#server !== undefined) this.#server = this.#createServer(this.#options, certificates)
  }

  /** Begins the handshake of a socket that was just accepted and not read from. */
  begin(accepted: net.Socket): void {
    const server = this.#server
    assert(server !== undefined, 'a port for TLS is opened after its settings were read')
    // Errors arrive through the socket made of it.
    accepted.on('error', () => {})
    const tooLate = this.#clock.after(HANDSHAKE_MS_MAX, () => {
      this.#fail(accepted, 'the handshake took too long')
      accepted.destroy()
    })
    this.#pending.set(accepted, { addresses: addressesOf(accepted), tooLate })
    server.emit('connection', accepted)
  }

  /** Ends all that are pending. */
  close(): void {
    for (const [accepted, { tooLate }] of this.#pending) {
      tooLate.cancel()
      accepted.destroy()
    }
    this.#pending.clear()
  }

  #createServer(options: tls.TlsOptions, certificates: ClientCertificates): tls.Server {
    const server = tls.createServer({
      ...options,
      requestCert: certificates !== 'no',
      rejectUnauthorized: certificates === 'yes',
    })
    server.on('secureConnection', (socket) => {
      const objection = objectionTo(socket, certificates)
      if (objection !== undefined) {
        this.#fail(acceptedOf(socket), objection)
        socket.destroy()
        return
      }
      if (this.#forget(acceptedOf(socket))) this.#results.done(socket)
      else socket.destroy()
    })
    server.on('tlsClientError', (error, socket) => {
      this.#fail(acceptedOf(socket), socket.authorizationError ? VERIFY_FAILED : describeTlsError(error))
      socket.destroy()
    })
    return server
  }

  #fail(accepted: net.Socket, reason: string): void {
    const pending = this.#pending.get(accepted)
    if (pending !== undefined && this.#forget(accepted)) this.#results.failed(reason, pending.addresses)
  }

  /** Returns false if it was not pending any more. */
  #forget(accepted: net.Socket): boolean {
    this.#pending.get(accepted)?.tooLate.cancel()
    return this.#pending.delete(accepted)
  }
}

function addressesOf({ remoteAddress, remotePort, localAddress, localPort }: net.Socket): Addresses {
  return { addr: `${remoteAddress ?? '?'}:${remotePort ?? 0}`, laddr: `${localAddress ?? '?'}:${localPort ?? 0}` }
}

/**
 * Returns the problem with a client's certificate.
 *
 * A resumed session may be older than the demand for a certificate, so this is checked whatever the
 * handshake said.
 */
function objectionTo(socket: TLSSocket, wanted: ClientCertificates): string | undefined {
  if (wanted === 'no') return undefined
  if (socket.getPeerX509Certificate() === undefined) return wanted === 'yes' ? NO_CERTIFICATE : undefined
  return socket.authorized ? undefined : VERIFY_FAILED
}

/** The connection under a secure socket. This field of Node has existed as long as TLSSocket. */
function acceptedOf(socket: TLSSocket): net.Socket {
  return (socket as unknown as { _parent: net.Socket })._parent
}
