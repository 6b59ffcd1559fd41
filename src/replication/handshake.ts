// What a replica and its primary say to each other before data flows.
//
//   ping ──PONG──▶ introductions ──all answered──▶ psync ──┬─ CONTINUE ───▶ the stream goes on where it stopped
//     AUTH and REPLCONF, sent together                     ├─ FULLRESYNC ─▶ a snapshot, then the stream
//                                                          └─ an error ───▶ SYNC is sent: a snapshot, then the stream
//
// An error means that the primary does not know PSYNC. It answers SYNC without the id of its history, so this server cannot go on
// from there after a break.
//
// The handshake takes lines and gives lines; it knows no connection and no time. Where the two cannot agree it throws a
// HandshakeError, whose message is what Redis logs.

/** The primary refuses, or says what makes no sense; whoever dialled tries again later. */
export class HandshakeError extends Error {}

/** How replication goes on. */
export type Agreement =
  /** A snapshot follows. `offset`: how much of the stream is in it. */
  | { readonly kind: 'snapshot'; readonly id: string; readonly offset: number }
  /** The stream follows; `id` is given where the history goes on under another one. */
  | { readonly kind: 'continue'; readonly id: string | undefined }
  /** A snapshot follows, in answer to SYNC: nobody says of which history it is. */
  | { readonly kind: 'nameless snapshot' }

export interface HandshakeOptions {
  readonly user: string
  readonly password: string
  /** Where this server can be reached, for the primary to tell; 0 = it says nothing. */
  readonly port: number
  /** Empty = the primary sees for itself. */
  readonly ip: string
  /** What this server has of which history; undefined = nothing that it could go on from. */
  readonly position: { readonly id: string; readonly offset: number } | undefined
  /** The primary is our replica until now, and is to take our place. */
  readonly isHandover: boolean
  send(request: readonly string[]): void
  tell(message: string): void
}

/** A request that was sent, and what is made of its reply. */
interface Question {
  readonly request: readonly string[]
  /** What is said when the reply is an error; `refuse` = nothing can go on then. */
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

  /** PSYNC was sent: what is said next decides. */
  get hasAsked(): boolean {
    return this.#phase === 'psync'
  }

  begin(): void {
    this.#options.send(['PING'])
  }

  /** Takes a line that is not empty; returns what was agreed when it is the last. Throws HandshakeError. */
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
    // A primary that asks for a password first has answered, too.
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
    const { failure, refuse } = this.#asked.shift()!
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
    // It has its data from here: a copy of it would bring nothing new.
    if (isHandover) throw new HandshakeError('Failover target rejected psync request')
    tell('Retrying with SYNC...')
    send(['SYNC'])
    return { kind: 'nameless snapshot' }
  }
}
