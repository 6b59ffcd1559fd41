// An HTTP port for monitoring: GET /metrics, /healthz, /readyz.
//
//   /metrics   all metrics, in Prometheus' format
//   /healthz   200 as long as the process answers; restart it when it does not
//   /readyz    200 while clients are served and their writes accepted, else 503 with the reason;
//              send clients elsewhere meanwhile
//
// Nothing can be changed here and no value be read, so there is no password: everyone who reaches
// the address (`metrics-bind`) may ask. Connections, headers and the time for each request are
// bounded. Beyond the bound of connections the one that has waited longest is closed, so a probe is
// answered at once.
//
// At a loopback address a request must name this machine as its host. Otherwise a page in a browser
// here could read the metrics through a host name of its own that resolves to 127.0.0.1.

import http from 'node:http'
import type { AddressInfo } from 'node:net'
import net from 'node:net'
import type { Engine } from '../commands/call.ts'
import { clearTimeout, setTimeout } from '../util/time/real-time.ts'
import { whyNotReady } from './readiness.ts'
import { Scrape } from './scrape.ts'

/** There are few scrapers; beyond this number an old connection is closed. */
const CONNECTIONS_MAX = 64
const HEADER_BYTES_MAX = 8 * 1024
/** For a request to arrive. */
const REQUEST_MS_MAX = 5_000
/** For an answer to leave: it has some ten kilobytes, most of which the system takes at once. */
const ANSWER_MS_MAX = 10_000
/** For an idle connection; Prometheus opens another. */
const IDLE_MS_MAX = 5_000
/** How often those times are checked. */
const LOOK_MS = 1_000

const NOT_THIS_MACHINE = "metrics-bind is a loopback address: ask for an address, or for 'localhost'\n"

const TEXT = 'text/plain; charset=utf-8'

export interface EndpointAddress {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
}

export class MetricsEndpoint {
  readonly #engine: Engine
  readonly #scrape: Scrape
  readonly #server: http.Server
  /** Connections, the oldest first; and those whose request is being answered. */
  readonly #connections = new Set<net.Socket>()
  readonly #answered = new Set<net.Socket>()
  /** Whether a request must name this machine. */
  readonly #isLocal: boolean
  /** True from the request to stop on: clients should not be sent here any more. */
  isStopping = false

  private constructor(engine: Engine, host: string) {
    this.#engine = engine
    this.#isLocal = isLoopback(host)
    this.#scrape = new Scrape(engine)
    this.#server = http.createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: REQUEST_MS_MAX,
        requestTimeout: REQUEST_MS_MAX,
        keepAliveTimeout: IDLE_MS_MAX,
        connectionsCheckingInterval: LOOK_MS,
      },
      (request, response) => {
        this.#answer(request, response).catch((error: unknown) => {
          this.#engine.environment.log.error({ error }, 'a request for metrics failed')
          response.destroy()
        })
      },
    )
    this.#server.on('connection', (socket) => this.#connected(socket))
  }

  /**
   * Accepts a connection. If there are too many, closes the oldest one without a request in
   * progress, or else the oldest.
   */
  #connected(socket: net.Socket): void {
    const connections = this.#connections
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
    if (connections.size <= CONNECTIONS_MAX) return
    let leaves: net.Socket | undefined
    for (const each of connections) {
      leaves ??= each
      if (this.#answered.has(each)) continue
      leaves = each
      break
    }
    connections.delete(leaves!)
    leaves!.destroy()
  }

  /** Listens. Rejects with the system's error. */
  static async open(engine: Engine, { host, port }: EndpointAddress): Promise<MetricsEndpoint> {
    const endpoint = new MetricsEndpoint(engine, host)
    const server = endpoint.#server
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ host, port }, () => {
          server.off('error', reject)
          resolve()
        })
      })
    } catch (error) {
      endpoint.#scrape.stop()
      throw error
    }
    server.on('error', (error) => engine.environment.log.warn({ error }, 'the metrics cannot accept a connection'))
    return endpoint
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends every connection. */
  close(): void {
    this.#scrape.stop()
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const late = setTimeout(() => response.destroy(), ANSWER_MS_MAX).unref()
    const { socket } = request
    this.#answered.add(socket)
    response.once('close', () => {
      this.#answered.delete(socket)
      clearTimeout(late)
    })
    if (request.method !== 'GET') {
      // A body is not read.
      response.writeHead(405, { Allow: 'GET', Connection: 'close', 'Content-Type': TEXT }).end('GET only\n')
      return
    }
    if (this.#isLocal && !namesThisMachine(request.headers.host)) {
      response.writeHead(403, { Connection: 'close', 'Content-Type': TEXT }).end(NOT_THIS_MACHINE)
      return
    }
    switch (request.url?.split('?', 1)[0]) {
      case '/metrics': {
        const text = await this.#scrape.text()
        response.writeHead(200, { 'Content-Type': this.#scrape.contentType }).end(text)
        return
      }
      case '/healthz':
        response.writeHead(200, { 'Content-Type': TEXT }).end('ok\n')
        return
      case '/readyz': {
        const reason = this.isStopping ? 'the server is stopping' : whyNotReady(this.#engine)
        response.writeHead(reason === undefined ? 200 : 503, { 'Content-Type': TEXT }).end(`${reason ?? 'ok'}\n`)
        return
      }
      default:
        response.writeHead(404, { 'Content-Type': TEXT }).end('/metrics, /healthz, /readyz\n')
    }
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/**
 * Tells whether a Host header is an address or `localhost`, which are never names of another site.
 * Browsers always send the header.
 */
function namesThisMachine(host: string | undefined): boolean {
  if (host === undefined) return true
  const name = host.replace(/:\d*$/, '').toLowerCase()
  return name === 'localhost' || net.isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
}
