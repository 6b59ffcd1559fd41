// An HTTP port of its own for whoever watches the server: GET /metrics, /healthz, /readyz.
//
//   /metrics   all figures, as Prometheus reads them
//   /healthz   200 as long as the process answers: restart it when it does not
//   /readyz    200 when clients are served and their writes taken, else 503 and why: send clients elsewhere meanwhile
//
// Nothing here can be changed and no key's content be read, so there is no password: who may ask is who reaches the address
// (`metrics-bind`). Who asks badly is bounded: connections, headers, and the time for each.

import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Engine } from '../engine/engine.ts'
import { clearTimeout, setTimeout } from '../util/real-time.ts'
import { whyNotReady } from './readiness.ts'
import { Scrape } from './scrape.ts'

/** Scrapers are a few; the next one is turned away. */
const CONNECTIONS_MAX = 64
const HEADER_BYTES_MAX = 8 * 1024
/** For a request to arrive. */
const REQUEST_MS_MAX = 5_000
/** For an answer to leave: one is some ten kilobytes, most of which the system takes at once. */
const ANSWER_MS_MAX = 10_000
/** A connection that nobody uses; Prometheus opens another. */
const IDLE_MS_MAX = 5_000
/** How often those times are looked at. */
const LOOK_MS = 1_000

const TEXT = 'text/plain; charset=utf-8'

export interface EndpointAddress {
  readonly host: string
  /** 0 = any free one. */
  readonly port: number
}

export class MetricsEndpoint {
  readonly #engine: Engine
  readonly #scrape: Scrape
  readonly #server: http.Server
  /** True from when the stop was asked for: nobody should be sent here any more. */
  isStopping = false

  private constructor(engine: Engine) {
    this.#engine = engine
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
          this.#engine.log.error({ error }, 'metrics could not be told')
          response.destroy()
        })
      },
    )
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  /** Listens. Rejects with what the system says. */
  static async open(engine: Engine, { host, port }: EndpointAddress): Promise<MetricsEndpoint> {
    const endpoint = new MetricsEndpoint(engine)
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
    server.on('error', (error) => engine.log.warn({ error }, 'the metrics cannot accept a connection'))
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
    response.once('close', () => clearTimeout(late))
    if (request.method !== 'GET') {
      // What it may bring is not read.
      response.writeHead(405, { Allow: 'GET', Connection: 'close', 'Content-Type': TEXT }).end('GET only\n')
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
