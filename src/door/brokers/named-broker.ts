// A broker that `console-brokers` names: it is asked for its report over HTTP, as the user in its
// address.
//
// Requests go to addresses of the setting alone: no redirection is followed, and no cookie, header or
// word of a viewer is sent on. One request is under way at a time, within a bound of time and of
// bytes, and nothing waits for it: the answer is there for the next viewer who looks.

import http from 'node:http'
import https from 'node:https'
import type { Clock } from '../../util/time/clock.ts'
import { httpUrl, readReport } from './broker-report.ts'
import { KnownBroker } from './known-broker.ts'

const ANSWER_MS_MAX = 3000
const ANSWER_BYTES_MAX = 64 * 1024
const REASON_LENGTH_MAX = 300

/** A word of `console-brokers`, taken apart. */
export interface NamedAddress {
  readonly name: string
  /** The page, without user and password. */
  readonly page: string
  /** The address that is asked for the report. */
  readonly report: URL
  /** The header that says who asks; undefined = the address names no user. */
  readonly authorization: string | undefined
}

/** Reads a word `NAME=URL`; undefined = it is none. */
export function namedAddress(word: string): NamedAddress | undefined {
  const [, name = '', text = ''] = /^([^=]+)=(.+)$/.exec(word) ?? []
  const page = httpUrl(text)
  if (name === '' || page === null) return undefined
  const { password, username } = new URL(text)
  const report = new URL(page)
  report.search = ''
  report.hash = ''
  report.pathname = `${report.pathname.replace(/(\/console)?\/*$/, '')}/v1/brokers/self`
  const user = `${decoded(username)}:${decoded(password)}`
  const authorization = user === ':' ? undefined : `Basic ${Buffer.from(user, 'utf8').toString('base64')}`
  return { name, page, report, authorization }
}

export class NamedBroker {
  readonly address: NamedAddress
  readonly known: KnownBroker
  /** Why the last request brought no report; undefined = it did, or none has ended. */
  #failure: string | undefined = undefined
  /** When the failures began, in Unix milliseconds. */
  #failsSince = 0
  readonly #clock: Clock
  readonly #agent: http.Agent
  #request: http.ClientRequest | undefined = undefined

  constructor(address: NamedAddress, clock: Clock) {
    this.address = address
    this.known = new KnownBroker(clock)
    this.#clock = clock
    const options = { keepAlive: true, maxSockets: 1, maxTotalSockets: 1 }
    this.#agent = address.report.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options)
  }

  get failure(): string | undefined {
    return this.#failure
  }

  get failsSince(): number {
    return this.#failsSince
  }

  /** Asks for the report, unless a request is under way. */
  ask(): void {
    if (this.#request !== undefined) return
    const { authorization, report } = this.address
    const headers = {
      Accept: 'application/json',
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    }
    const options = { agent: this.#agent, headers }
    const request = report.protocol === 'https:' ? https.request(report, options) : http.request(report, options)
    this.#request = request
    const tooLong = this.#clock.after(ANSWER_MS_MAX, () => request.destroy(new Error('it does not answer')))
    const end = (failure: string | undefined): void => {
      if (this.#request !== request) return
      this.#request = undefined
      tooLong.cancel()
      if (failure !== undefined && this.#failure === undefined) this.#failsSince = Math.round(this.#clock.now())
      this.#failure = failure
    }
    request.on('response', (response) => this.#read(response, end))
    request.on('error', (error) => end(error.message || 'it is not reached'))
    request.on('close', () => end('the connection was closed'))
    request.end()
  }

  /** Ends the request that is under way, and the connection. */
  close(): void {
    this.#request?.destroy()
    this.#agent.destroy()
  }

  #read(response: http.IncomingMessage, end: (failure: string | undefined) => void): void {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > ANSWER_BYTES_MAX) response.destroy(new Error('its answer is too long'))
      else chunks.push(chunk)
    })
    response.on('error', (error) => end(error.message))
    response.on('end', () => end(this.#take(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'))))
  }

  /** Takes an answer; returns why it is no report, or undefined. */
  #take(status: number, text: string): string | undefined {
    if (status === 401)
      return this.address.authorization === undefined
        ? 'it asks for a user: NAME=https://USER:PASSWORD@HOST/console/ in console-brokers gives one'
        : 'it refuses the user and password in console-brokers'
    if (status === 404) return 'it is not this release of Respite, or its console is off'
    const value = parsed(text)
    if (status !== 200) return reasonOf(status, value)
    const report = readReport(value)
    if (report === undefined) return 'its answer is no report of a broker'
    // A silence is one failed request: the next one is late.
    this.known.hear(report, this.#failure === undefined ? Number.POSITIVE_INFINITY : 0)
    return undefined
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function reasonOf(status: number, value: unknown): string {
  const error = typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined
  const said = typeof error === 'string' ? `: ${error.slice(0, REASON_LENGTH_MAX)}` : ''
  return `it answers with status ${status}${said}`
}

/** A part of an address, whose signs may be encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}
