// One session: connects, authenticates, sends commands and prints the replies.

import { Connection } from './connection.ts'
import type { CliOptions } from './options.ts'
import { type Format, printed } from './print-reply.ts'
import { type Redirection, redirectionIn } from './redirection.ts'
import type { Reply } from './reply.ts'

/** Commands whose reply is a text that people read unchanged. */
const PLAIN =
  /^(info|lolwut|client (list|info)|cluster (info|nodes)|memory (doctor|malloc-stats)|latency (doctor|graph))( |$)/i
/** After these commands the server sends messages at any time. */
const STREAMING = /^(monitor|p?subscribe|ssubscribe)$/i
/** redis-cli follows without a bound; nodes that refer to each other must not hold the client. */
const REDIRECTIONS_MAX = 16

export class Session {
  readonly #options: CliOptions
  readonly #format: Format
  readonly #print: (latin1: string) => void
  #connection: Connection | undefined = undefined
  #isOver = false
  /** The database, and whether a transaction is open: for the prompt. */
  database: number
  inTransaction = false
  /** Whether the commands are lines of the input: only then redis-cli prints redirections. */
  readsLines = false
  /** The node of a cluster that is asked; it changes when a redirection is followed. */
  host: string
  port: number

  constructor(options: CliOptions, format: Format, print: (latin1: string) => void) {
    this.#options = options
    this.#format = format
    this.#print = print
    this.database = options.database
    this.host = options.host
    this.port = options.port
  }

  /** Connects and authenticates. Rejects with one line for the user. */
  async connect(): Promise<Connection> {
    const { showsPushes, user, password, protocol } = this.#options
    const connection = await this.#open()
    connection.onMessage = (reply) => {
      if (showsPushes || reply.type !== '>') this.#print(this.#printed(reply))
    }
    this.#connection = connection
    this.inTransaction = false
    // As in redis-cli, a refusal is printed and the session continues: INFO then replies NOAUTH.
    if (password !== '') this.#tell('AUTH failed', await connection.ask(['AUTH', user, password]))
    if (protocol === 3) this.#tell('HELLO 3 failed', await connection.ask(['HELLO', '3']))
    if (this.database !== 0) this.#tell('SELECT failed', await connection.ask(['SELECT', String(this.database)]))
    return connection
  }

  async #open(): Promise<Connection> {
    const { host, port } = this
    const { encryption, socket } = this.#options
    try {
      return await Connection.open({ host, port, socket, encryption })
    } catch (error) {
      const where = socket === '' ? `${host}:${port}` : socket
      throw new Error(`Could not connect to ${where}: ${(error as Error).message}`)
    }
  }

  #printed(reply: Reply, plain = false): string {
    return printed(reply, this.#format, plain, this.#options)
  }

  #tell(what: string, { type, bytes }: Reply): void {
    if (type === '-') this.#print(`${what}: ${bytes.toString('latin1')}\n`)
  }

  /**
   * Sends a command and prints its reply; returns false when that was an error. Connects again when
   * the connection is gone.
   */
  async run(words: readonly string[]): Promise<boolean> {
    const connection = this.#connection ?? (await this.connect())
    try {
      if (STREAMING.test(words[0] ?? '')) {
        if (this.#format === 'people') this.#print('Reading messages... (press Ctrl-C to quit)\n')
        connection.send(words)
        await connection.closed
        if (this.#isOver) return true
        throw new Error('Server closed the connection')
      }
      const reply = await this.#answered(connection, words)
      this.#print(this.#printed(reply, PLAIN.test(words.slice(0, 2).join(' '))))
      const failed = reply.type === '-' || reply.type === '!'
      if (!failed) this.#note(words)
      else if (/^EXECABORT/.test(reply.bytes.toString('latin1'))) this.inTransaction = false
      return !failed
    } catch (error) {
      connection.close()
      this.#connection = undefined
      // The server has ended, as it was asked to.
      if (/^shutdown$/i.test(words[0] ?? '')) return true
      throw error
    }
  }

  /** Returns the reply to a command; with `-c` that of the node to which others redirect. */
  async #answered(connection: Connection, words: readonly string[]): Promise<Reply> {
    let reply = await connection.ask(words)
    for (let followed = 0; this.#options.followsRedirections && followed < REDIRECTIONS_MAX; followed++) {
      const redirection = redirectionIn(reply)
      if (redirection === undefined) return reply
      const other = await this.#follow(redirection)
      if (redirection.kind === 'ASK') await other.ask(['ASKING'])
      reply = await other.ask(words)
    }
    return reply
  }

  /** Connects to the node that a redirection names. */
  async #follow({ host, port, slot }: Redirection): Promise<Connection> {
    if (host !== '') this.host = host
    this.port = port
    if (this.readsLines) this.#print(`-> Redirected to slot [${slot}] located at ${this.host}:${this.port}\n`)
    this.#connection?.close()
    return this.connect()
  }

  /** Sends a command without printing its reply. */
  async ask(words: readonly string[]): Promise<Reply> {
    const connection = this.#connection ?? (await this.connect())
    return connection.ask(words)
  }

  /** Updates what the prompt shows. */
  #note(words: readonly string[]): void {
    const name = words[0]?.toLowerCase()
    if (name === 'multi') this.inTransaction = true
    else if (name === 'exec' || name === 'discard' || name === 'reset') this.inTransaction = false
    if (name === 'select' && !this.inTransaction) this.database = Number(words[1])
    else if (name === 'reset') this.database = 0
  }

  close(): void {
    this.#isOver = true
    this.#connection?.close()
  }
}
