// One endpoint, a TCP address or the path of a unix socket, and the connections accepted there.
//
// A starting server opens its endpoints through Node's own `listen`, which looks up names and ends
// some time later. CONFIG SET must know at once whether an address is available. Therefore
// `openNow` makes the socket by `net._createServerHandle`, which Node itself uses for clusters. If
// that function is missing, CONFIG SET of `port` and `bind` is refused.

import fs from 'node:fs'
import net from 'node:net'
import { getSystemErrorName } from 'node:util'
import { ListenError } from '../boot/errors.ts'

/** The protocol of a port: plain, or within TLS. */
export type PortKind = 'tcp' | 'tls'

export interface PortEndpoint {
  readonly kind: PortKind
  readonly host: string
  /** 0 = any free one. */
  readonly port: number
}

export type Endpoint =
  | PortEndpoint
  | { readonly kind: 'unix'; readonly path: string /** Permissions; 0 = as the umask has it. */; readonly mode: number }

/** Receives accepted sockets, and errors of the endpoint. */
export interface AcceptHooks {
  accepted(socket: net.Socket, endpoint: Endpoint): void
  /**
   * There are no descriptors left, or the connection ended before it was accepted. The next one may
   * succeed.
   */
  failed(error: Error): void
}

/** Node's own way to a listening socket: bound when it returns; a number is the error. */
type CreateServerHandle = (host: string, port: number, family: 4 | 6, fd: undefined, flags: number) => object | number

const createServerHandle = (net as unknown as { _createServerHandle?: CreateServerHandle })._createServerHandle
/** libuv's UV_TCP_IPV6ONLY. */
const IPV6_ONLY = 1

export class AcceptingEndpoint {
  readonly endpoint: Endpoint
  readonly #server: net.Server

  private constructor(endpoint: Endpoint, door: AcceptHooks) {
    this.endpoint = endpoint
    const options = { pauseOnConnect: true, noDelay: true }
    this.#server = net.createServer(options, (socket) => door.accepted(socket, endpoint))
  }

  /** Listens at an endpoint. Throws ListenError. */
  static async open(endpoint: Endpoint, backlog: number, door: AcceptHooks): Promise<AcceptingEndpoint> {
    const listener = new AcceptingEndpoint(endpoint, door)
    const server = listener.#server
    if (endpoint.kind === 'unix') removeStaleSocket(endpoint.path)
    const where =
      endpoint.kind === 'unix'
        ? { path: endpoint.path }
        : { host: endpoint.host, port: endpoint.port, ipv6Only: net.isIPv6(endpoint.host) }
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ ...where, backlog }, () => {
          server.off('error', reject)
          resolve()
        })
      })
      if (endpoint.kind === 'unix' && endpoint.mode !== 0) fs.chmodSync(endpoint.path, endpoint.mode)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      throw listenError(endpoint, code, message)
    }
    server.on('error', (error) => door.failed(error))
    return listener
  }

  /** Listens at a TCP address, which is no name, before it returns. Throws ListenError. */
  static openNow(endpoint: PortEndpoint, backlog: number, door: AcceptHooks): AcceptingEndpoint {
    const { host, port } = endpoint
    const family = net.isIP(host)
    if (family !== 4 && family !== 6) throw listenError(endpoint, 'ENOTFOUND', 'names are looked up only at the start')
    if (createServerHandle === undefined)
      throw listenError(endpoint, undefined, 'this version of Node cannot do it now')
    const handle = createServerHandle(host, port, family, undefined, family === 6 ? IPV6_ONLY : 0)
    if (typeof handle === 'number') {
      const code = getSystemErrorName(handle)
      throw listenError(endpoint, code, code)
    }
    const listener = new AcceptingEndpoint(endpoint, door)
    const server = listener.#server
    let isOpen = true
    server.on('error', (error) => {
      if (isOpen) door.failed(error)
    })
    server.listen({ _handle: handle, backlog } as net.ListenOptions, backlog)
    // If another process listens there, `listen` reports it; the error event that follows adds
    // nothing.
    isOpen = server.listening
    if (!isOpen) throw listenError(endpoint, 'EADDRINUSE', '')
    return listener
  }

  /** The TCP port; 0 for a unix socket. */
  get port(): number {
    return this.endpoint.kind === 'unix' ? 0 : (this.#server.address() as net.AddressInfo).port
  }

  /** Its file descriptor; -1 if it is unknown. */
  get descriptor(): number {
    return (this.#server as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
  }

  /** Stops accepting at once. Accepted connections stay. */
  close(): void {
    this.#server.close()
  }
}

function listenError(endpoint: Endpoint, code: string | undefined, message: string): ListenError {
  const reason = reasonOf(code) ?? message
  if (endpoint.kind === 'unix')
    return new ListenError(`cannot listen on the unix socket ${endpoint.path}: ${reason}`, code)
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host
  return new ListenError(`cannot listen on ${host}:${endpoint.port}: ${reason}`, code)
}

/** Describes why listening failed. */
function reasonOf(code: string | undefined): string | undefined {
  if (code === 'EADDRINUSE') return 'the address is in use (is another server running?)'
  if (code === 'EACCES') return 'permission denied'
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address'
  return undefined
}

/**
 * A socket file that a killed server left behind would make listening fail, so it is removed. Any
 * other file stays.
 */
function removeStaleSocket(path: string): void {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stats?.isSocket()) fs.unlinkSync(path)
}
