// Requests to an etcd cluster, as JSON over HTTP: to any member that answers, with a user's token
// if one is set.
//
// Every etcd member translates such requests into its own protocol
// (https://etcd.io/docs/latest/dev-guide/api_grpc_gateway/). The only client for Node that speaks
// that protocol brings 37 packages and has had no release since 2024. It also repeats requests that
// may have been carried out (docs/decisions/0033-which-log.md).

import { readFileSync } from 'node:fs'
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import type { EtcdOptions } from './options.ts'

/** etcd gives up on its own quorum after 5 s and one or two elections. */
const REQUEST_TIMEOUT_MS = 5_000
/** How long an idle connection is kept. */
const KEEP_ALIVE_MS = 30_000

// gRPC status codes.
const UNKNOWN = 2
const INVALID_ARGUMENT = 3
const DEADLINE_EXCEEDED = 4
const RESOURCE_EXHAUSTED = 8
const UNAVAILABLE = 14
const UNAUTHENTICATED = 16

/** An answer that refuses the request. */
export class EtcdRefusal extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }

  /** The database has reached its quota. */
  get isFull(): boolean {
    return this.code === RESOURCE_EXHAUSTED && /space exceeded/.test(this.message)
  }

  /** The member is overloaded, and has not begun with this request. */
  get isBusy(): boolean {
    return this.code === RESOURCE_EXHAUSTED && !this.isFull
  }

  /**
   * The member has no leader, has lost its leader, or has waited too long for the others. The
   * request may still take effect.
   */
  get isUnavailable(): boolean {
    return this.code === UNAVAILABLE || this.code === DEADLINE_EXCEEDED || this.code === UNKNOWN
  }

  /** A new token is needed: this one has expired, or the users have changed since. */
  get isTokenOutdated(): boolean {
    return this.code === UNAUTHENTICATED || (this.code === INVALID_ARGUMENT && /user name is empty/.test(this.message))
  }
}

/** No answer came. */
export class EtcdSilence extends Error {
  /** Whether the request may still have arrived. */
  readonly mayHaveArrived: boolean

  constructor(message: string, mayHaveArrived: boolean) {
    super(message)
    this.mayHaveArrived = mayHaveArrived
  }
}

export class EtcdGateway {
  readonly #endpoints: readonly URL[]
  readonly #options: EtcdOptions
  readonly #agents: { readonly http: HttpAgent; readonly https: HttpsAgent }
  /** The endpoint that is asked first. */
  #current = 0
  #token: string | undefined
  readonly #closing = new AbortController()

  constructor(options: EtcdOptions) {
    this.#options = options
    this.#endpoints = options.endpoints.map((endpoint) => new URL(endpoint))
    const { caFile, certFile, keyFile } = options.tls ?? {}
    const kept = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS }
    this.#agents = {
      http: new HttpAgent(kept),
      https: new HttpsAgent({
        ...kept,
        ...(caFile !== undefined && { ca: readFileSync(caFile) }),
        ...(certFile !== undefined && { cert: readFileSync(certFile) }),
        ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
      }),
    }
  }

  get endpointCount(): number {
    return this.#endpoints.length
  }

  /**
   * Asks a member, and the next one if the request cannot have arrived. Throws `EtcdRefusal`,
   * `EtcdSilence`.
   */
  async ask<T>(path: string, body: object): Promise<T> {
    for (let tried = 1; ; tried++) {
      const asked = this.#current
      try {
        return await this.askMember<T>(asked, path, body)
      } catch (error) {
        if (!(error instanceof EtcdSilence)) throw error
        this.#leave(asked)
        if (error.mayHaveArrived || tried >= this.#endpoints.length || this.#closing.signal.aborted) throw error
      }
    }
  }

  /** Asks one member, given by its index in the list of endpoints. */
  async askMember<T>(member: number, path: string, body: object, timeoutMs = REQUEST_TIMEOUT_MS): Promise<T> {
    const timeout = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closing.signal])
    const answer = await this.#authorized((token) => this.#send(member, path, body, token, timeout))
    return (await readJson(answer)) as T
  }

  /** Requests an answer without end, and yields its pieces until the signal aborts. */
  async *follow<T>(path: string, body: object, signal: AbortSignal): AsyncIterable<T> {
    const ended = AbortSignal.any([signal, this.#closing.signal])
    const member = this.#current
    try {
      const answer = await this.#authorized((token) => this.#send(member, path, body, token, ended))
      yield* jsonLines<T>(answer)
    } catch (error) {
      if (ended.aborted) return
      if (error instanceof EtcdSilence) this.#leave(member)
      throw error
    }
  }

  /** Asks another member from now on: this one has stopped, or is cut off. */
  leave(): void {
    this.#leave(this.#current)
  }

  close(): void {
    this.#closing.abort()
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  #leave(member: number): void {
    if (this.#current === member) this.#current = (member + 1) % this.#endpoints.length
  }

  async #authorized(send: (token: string | undefined) => Promise<IncomingMessage>): Promise<IncomingMessage> {
    const { user: name, password } = this.#options
    if (name === undefined) return send(undefined)
    const authenticate = async (): Promise<string> => {
      const timeout = AbortSignal.any([AbortSignal.timeout(REQUEST_TIMEOUT_MS), this.#closing.signal])
      const answer = await this.#send(this.#current, 'auth/authenticate', { name, password }, undefined, timeout)
      return ((await readJson(answer)) as { token: string }).token
    }
    this.#token ??= await authenticate()
    try {
      return await send(this.#token)
    } catch (error) {
      if (!(error instanceof EtcdRefusal && error.isTokenOutdated)) throw error
      this.#token = await authenticate()
      return send(this.#token)
    }
  }

  #send(
    member: number,
    path: string,
    body: object,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const url = new URL(`/v3/${path}`, this.#endpoints[member])
    const text = Buffer.from(JSON.stringify(body))
    const headers = {
      'content-type': 'application/json',
      'content-length': text.length,
      ...(token !== undefined && { authorization: token }),
    }
    return new Promise((resolve, reject) => {
      const isSecure = url.protocol === 'https:'
      const options = { method: 'POST', headers, signal, agent: isSecure ? this.#agents.https : this.#agents.http }
      let isConnected = false
      const request = (isSecure ? requestHttps : requestHttp)(url, options)
      request.once('socket', (socket) => {
        if (!socket.connecting) isConnected = true
        else socket.once(isSecure ? 'secureConnect' : 'connect', () => (isConnected = true))
      })
      request.once('error', (error) => reject(new EtcdSilence(`${url.host}: ${error.message}`, isConnected)))
      request.once('response', (answer) => {
        if (answer.statusCode === 200) return resolve(answer)
        readJson(answer).then((said) => reject(refusal(answer.statusCode!, said)), reject)
      })
      request.end(text)
    })
  }
}

function refusal(status: number, said: unknown): EtcdRefusal {
  const { code, message, error } = said as { code?: number; message?: string; error?: string }
  return new EtcdRefusal(code ?? 0, message ?? error ?? `status ${status}`)
}

async function readJson(answer: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = []
  try {
    for await (const piece of answer) pieces.push(piece)
    return JSON.parse(Buffer.concat(pieces).toString())
  } catch (error) {
    throw new EtcdSilence((error as Error).message, true)
  }
}

/** Parses each line of an answer as JSON. */
async function* jsonLines<T>(answer: IncomingMessage): AsyncIterable<T> {
  let pieces: Buffer[] = []
  try {
    for await (const piece of answer as AsyncIterable<Buffer>) {
      let start = 0
      for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, start)) {
        pieces.push(piece.subarray(start, end))
        yield JSON.parse(Buffer.concat(pieces).toString()) as T
        pieces = []
        start = end + 1
      }
      pieces.push(piece.subarray(start))
    }
  } finally {
    answer.destroy()
  }
}
