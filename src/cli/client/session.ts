// One session: connects, authenticates, sends commands and prints the replies.

import { Connection } from './connection.ts'
import type { CliOptions } from './options.ts'
import { type Format, printed } from './print-reply.ts'
import type { Reply } from './reply.ts'

/** Commands whose reply is a text that people read unchanged. */
const PLAIN =
  /^(info|lolwut|client (list|info)|cluster (info|nodes)|memory (doctor|malloc-stats)|latency (doctor|graph))( |$)/i
/** After these commands the server sends messages at any time. */
const STREAMING = /^(monitor|p?subscribe|ssubscribe)$/i

export class Session {
  readonly #options: CliOptions
  readonly #format: Format
  readonly #print: (latin1: string) => void
  #connection: Connection | undefined = undefined
  #isOver = false
  /** The database, and whether a transaction is open: for the prompt. */
  database: number
  inTransaction = false

  constructor(options: CliOptions, format: Format, print: (latin1: string) => void) {
    this.#options = options
    this.#format = format
    this.#print = print
    this.database = options.database
  }

  /** Connects and authenticates. Rejects with one line for the user. */
  async connect(): Promise<Connection> {
    const { host, port, socket, user, password, protocol } = this.#options
    let connection: Connection
    try {
      connection = await Connection.open(this.#options)
    } catch (error) {
      const where = socket === '' ? `${host}:${port}` : socket
      throw new Error(`Could not connect to ${where}: ${(error as Error).message}`)
    }
    connection.onMessage = (reply) => this.#print(printed(reply, this.#format))
    this.#connection = connection
    this.inTransaction = false
    // As in redis-cli, a refusal is printed and the session continues: INFO then replies NOAUTH.
    if (password !== '') this.#tell('AUTH failed', await connection.ask(['AUTH', user, password]))
    if (protocol === 3) this.#tell('HELLO 3 failed', await connection.ask(['HELLO', '3']))
    if (this.database !== 0) this.#tell('SELECT failed', await connection.ask(['SELECT', String(this.database)]))
    return connection
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
      const reply = await connection.ask(words)
      this.#print(printed(reply, this.#format, PLAIN.test(words.slice(0, 2).join(' '))))
      const failed = reply.type === '-' || reply.type === '!'
      if (!failed) this.#follow(words)
      else if (/^EXECABORT/.test(reply.bytes.toString('latin1'))) this.inTransaction = false
      return !failed
    } catch (error) {
      connection.close()
      this.#connection = undefined
      throw error
    }
  }

  /** Sends a command without printing its reply. */
  async ask(words: readonly string[]): Promise<Reply> {
    const connection = this.#connection ?? (await this.connect())
    return connection.ask(words)
  }

  /** Updates what the prompt shows. */
  #follow(words: readonly string[]): void {
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
