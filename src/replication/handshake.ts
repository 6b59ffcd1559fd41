// The handshake of a replica and its primary before data flows.
//
//   ping ──PONG──▶ introductions ──all answered──▶ psync ──┬─ CONTINUE ───▶ the stream continues
//     AUTH and REPLCONF, sent together                     ├─ FULLRESYNC ─▶ a snapshot, the stream
//                                                          └─ an error ───▶ SYNC is sent: the same
//
// An error means that the primary does not support PSYNC. Its answer to SYNC does not contain the
// id of its history, so this server cannot continue from there after a break.
//
// The handshake reads and writes lines; it knows neither connection nor time. When the two servers
// cannot agree it throws a HandshakeError, whose message is Redis's log line.

import { assert } from '../util/assert.ts'
/** The primary refuses, or its answer is not understood. The dialler tries again later. */
export class HandshakeError extends Error {}

/** How replication continues. */
export type Agreement =
  /** A snapshot follows. `offset` is the stream's offset that it includes. */
  | { readonly kind: 'snapshot'; readonly id: string; readonly offset: number }
  /** The stream follows. `id` is set when the history continues under another id. */
  | { readonly kind: 'continue'; readonly id: string | undefined }
  /** A snapshot follows in answer to SYNC; the id of its history is unknown. */
  | { readonly kind: 'nameless snapshot' }

export interface HandshakeOptions {
  readonly user: string
  readonly password: string
  /** The port that the primary shall report for this server; 0 = none. */
  readonly port: number
  /** Empty = the primary uses the connection's address. */
  readonly ip: string
  /** The history and offset of this server's data; undefined when it cannot continue from there. */
  readonly position: { readonly id: string; readonly offset: number } | undefined
  /** The primary is our replica until now, and shall take over. */
  readonly isHandover: boolean
  send(request: readonly string[]): void
  tell(message: string): void
}

/** A request that was sent, and how to treat its reply. */
interface Question {
  readonly request: readonly string[]
  /** The log line for an error reply; with `refuse` the handshake ends then. */
  readonly failure: string
  readonly refuse?: true
}

const HISTORY_ID = /^[0-9a-f]{40}$/i

export class Handshake {
  readonly #options: HandshakeOptions
  #phase: 'ping' | 'introductions' | 'psync' = 'ping'
  #asked: Question[] = []

  constructor(options: HandshakeOptions) {
    this.#options = options
  }

  /** Whether PSYNC was sent: the next answer decides. */
  get hasAsked(): boolean {
    return this.#phase === 'psync'
  }

  begin(): void {
    this.#options.send(['PING'])
  }

  /**
   * Takes a line that is not empty; returns the agreement after the last one. Throws
   * HandshakeError.
   */
  take(line: string): Agreement | undefined {
    switch (this.#phase) {
      case 'ping':
        this.#pong(line)
        return undefined
      case 'introductions':
        this.#answered(line)
        return undefined
      default:
        return this.#agreed(line)
    }
  }

  #pong(line: string): void {
    const { tell } = this.#options
    // A primary that requires a password first has answered, too.
    const isThere = line.startsWith('+') || /^-(NOAUTH|NOPERM|ERR operation not permitted)/.test(line)
    if (!isThere) throw new HandshakeError(`Error reply to PING from master: '${line}'`)
    tell('Master replied to PING, replication can continue...')
    this.#asked = this.#introductions()
    for (const { request } of this.#asked) this.#options.send(request)
    this.#phase = 'introductions'
  }

  #introductions(): Question[] {
    const { ip, password, port, user } = this.#options
    const questions: Question[] = []
    if (password !== '') {
      const request = user === '' ? ['AUTH', password] : ['AUTH', user, password]
      questions.push({ request, failure: 'Unable to AUTH to MASTER', refuse: true })
    }
    const replconf = (...words: string[]): Question => ({
      request: ['REPLCONF', ...words],
      failure: `(Non critical) Master does not understand REPLCONF ${words[0]}`,
    })
    questions.push(replconf('listening-port', String(port)))
    if (ip !== '') questions.push(replconf('ip-address', ip))
    questions.push(replconf('capa', 'eof', 'capa', 'psync2'))
    return questions
  }

  #answered(line: string): void {
    const { isHandover, send, tell, position } = this.#options
    const question = this.#asked.shift()
    assert(question !== undefined, 'introductions end with the answer to the last one')
    const { failure, refuse } = question
    if (line.startsWith('-')) {
      if (refuse) throw new HandshakeError(`${failure}: ${line}`)
      tell(`${failure}: ${line}`)
    }
    if (this.#asked.length > 0) return
    this.#phase = 'psync'
    if (position === undefined) {
      tell('Partial resynchronization not possible (no cached master)')
      send(['PSYNC', '?', '-1'])
    } else {
      const next = position.offset + 1
      tell(`Trying a partial resynchronization (request ${position.id}:${next}).`)
      const request = ['PSYNC', position.id, String(next)]
      send(isHandover ? [...request, 'FAILOVER'] : request)
    }
  }

  #agreed(line: string): Agreement | undefined {
    const { isHandover, send, tell, position } = this.#options
    const [word, id, offset] = line.split(' ')
    if (word === '+FULLRESYNC') {
      if (!HISTORY_ID.test(id ?? '') || !/^\d{1,15}$/.test(offset ?? '')) {
        throw new HandshakeError('Master replied with wrong +FULLRESYNC syntax.')
      }
      tell(`Full resync from master: ${id}:${offset}`)
      return { kind: 'snapshot', id: id!, offset: Number(offset) }
    }
    if (word === '+CONTINUE') {
      if (position === undefined) throw new HandshakeError('Master wants to continue what was never begun.')
      tell('Successful partial resynchronization with master.')
      const isOther = id !== undefined && HISTORY_ID.test(id) && id !== position.id
      if (isOther) tell(`Master replication ID changed to ${id}`)
      return { kind: 'continue', id: isOther ? id : undefined }
    }
    if (/^-(NOMASTERLINK|LOADING)/.test(line)) {
      throw new HandshakeError(`Master is currently unable to PSYNC but should be in the future: ${line}`)
    }
    if (!line.startsWith('-ERR')) tell(`Unexpected reply to PSYNC from master: ${line}`)
    else tell(`Master does not support PSYNC or is in error state (reply: ${line})`)
    // The target's data came from this server: copying it back would bring nothing new.
    if (isHandover) throw new HandshakeError('Failover target rejected psync request')
    tell('Retrying with SYNC...')
    send(['SYNC'])
    return { kind: 'nameless snapshot' }
  }
}
