// Another server that speaks the Redis protocol, such as Redis or Valkey: connections to it, one
// for each database, and one for each search. In a cluster they follow MOVED and ASK to other nodes.

import type { Asker, Words } from '../console/asker.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { RawAsker, RawReplies, RawWords } from '../jobs/raw-client.ts'
import { endOfReply, errorIn, isError, valueIn } from '../jobs/reply-bytes.ts'
import type { RemoteAddress } from './remote-address.ts'
import { type Patience, RemoteConnection } from './remote-connection.ts'

/** So often one command is sent on to another node. */
const HOPS_MAX = 4

export class RemoteServer {
  readonly address: RemoteAddress
  readonly patience: Patience | undefined
  /** `host:port database` → the connection; the server itself has no host there. */
  readonly #open = new Map<string, Promise<RemoteConnection>>()
  readonly #searching = new Set<RemoteConnection>()

  constructor(address: RemoteAddress, patience?: Patience) {
    this.address = address
    this.patience = patience
  }

  /** Returns what asks in a database. Rejects with HttpError. */
  async asker(database: number): Promise<Asker> {
    const connection = await this.#connection(this.address, '', database)
    return new RemoteAsker((commands) => this.#ask(connection, database, commands))
  }

  /** Returns what asks another node of the cluster, by its name. Rejects with HttpError. */
  async askerOfNode(host: string, port: number): Promise<Asker> {
    const connection = await this.#node(`${host}:${port}`, 0)
    return new RemoteAsker((commands) => connection.ask(commands))
  }

  /** Opens a connection of its own, which the caller ends. Rejects with HttpError. */
  async open(database: number): Promise<RawAsker> {
    const connection = await this.#signedIn(this.address, database)
    this.#searching.add(connection)
    return {
      ask: (commands) => this.#ask(connection, database, commands),
      end: () => {
        this.#searching.delete(connection)
        connection.end()
      },
    }
  }

  close(): void {
    for (const connection of this.#searching) connection.end()
    for (const opening of this.#open.values())
      opening.then(
        (connection) => connection.end(),
        () => undefined,
      )
  }

  /** Asks, and asks other nodes for those replies that name them. */
  async #ask(connection: RemoteConnection, database: number, commands: readonly RawWords[]): Promise<RawReplies> {
    const replies = await connection.ask(commands)
    const { bytes, starts } = replies
    if (!starts.some((start) => elsewhere(bytes, start) !== undefined)) return replies
    const parts: Buffer[] = []
    for (const [i, start] of starts.entries()) {
      let part = bytes.subarray(start, endOfReply(bytes, start))
      const words = commands[i] ?? []
      for (let hop = 0; hop < HOPS_MAX; hop++) {
        const place = elsewhere(part, 0)
        if (place === undefined) break
        part = await this.#askNode(place, database, words)
      }
      parts.push(part)
    }
    let at = 0
    const begins = parts.map(({ length }) => {
      at += length
      return at - length
    })
    return { bytes: Buffer.concat(parts), starts: begins }
  }

  async #askNode({ isOnce, node }: Elsewhere, database: number, words: RawWords): Promise<Buffer> {
    const connection = await this.#node(node, database)
    const { bytes, starts } = await connection.ask(isOnce ? [['ASKING'], words] : [words])
    return bytes.subarray(starts.at(-1))
  }

  #node(node: string, database: number): Promise<RemoteConnection> {
    const colon = node.lastIndexOf(':')
    // A node that does not know its address has the one by which it is reached.
    const host = node.slice(0, colon).replace(/^\[(.*)\]$/, '$1') || this.address.host
    const address = { ...this.address, socket: '', host, port: Number(node.slice(colon + 1)) }
    return this.#connection(address, node, database)
  }

  /** One connection serves all questions in a database; a broken one is made again. */
  async #connection(address: RemoteAddress, name: string, database: number): Promise<RemoteConnection> {
    const place = `${name} ${database}`
    const opening = this.#open.get(place)
    const found = await opening?.catch(() => undefined)
    if (found !== undefined && !found.isClosed) return found
    if (opening !== this.#open.get(place)) return this.#connection(address, name, database)
    const made = this.#signedIn(address, database)
    this.#open.set(place, made)
    return made
  }

  async #signedIn(address: RemoteAddress, database: number): Promise<RemoteConnection> {
    const connection = new RemoteConnection(address, this.patience)
    const commands = [...signInWords(address)]
    if (database !== 0) commands.push(['SELECT', String(database)])
    try {
      const { bytes, starts } = await connection.ask(commands)
      for (const start of starts) if (isError(bytes, start)) throw withoutSignIn(errorIn(bytes, start))
      return connection
    } catch (error) {
      connection.end()
      throw error
    }
  }
}

/** The commands that sign in to a server; none where no password is given. */
export function signInWords({ password, user }: RemoteAddress): RawWords[] {
  if (password === '') return []
  return [user === '' ? ['AUTH', password] : ['AUTH', user, password]]
}

/**
 * A status 401 would mean the page's own session. The address of the server has a wrong password,
 * or none.
 */
export function withoutSignIn(error: HttpError): HttpError {
  return error.status === 401 ? new HttpError(503, error.message) : error
}

interface Elsewhere {
  /** `host:port` */
  readonly node: string
  readonly isOnce: boolean
}

/** The node that an error names instead of a reply; undefined = it is a reply, or another error. */
function elsewhere(bytes: Buffer, at: number): Elsewhere | undefined {
  if (!isError(bytes, at)) return undefined
  const [, kind, node = ''] = /^(MOVED|ASK) \d+ (\S*:\d+)/.exec(errorIn(bytes, at).message) ?? []
  return kind === undefined ? undefined : { node, isOnce: kind === 'ASK' }
}

class RemoteAsker implements Asker {
  readonly #ask: (commands: readonly RawWords[]) => Promise<RawReplies>

  constructor(ask: (commands: readonly RawWords[]) => Promise<RawReplies>) {
    this.#ask = ask
  }

  async ask(commands: readonly Words[]): Promise<unknown[]> {
    const values = await this.tryAll(commands)
    for (const value of values) if (value instanceof HttpError) throw value
    return values
  }

  async tryAll(commands: readonly Words[]): Promise<unknown[]> {
    const { bytes, starts } = await this.#ask(commands.map((words) => words.map(latin1Of)))
    return starts.map((start) => {
      const value = valueIn(bytes, start)
      return value instanceof HttpError ? withoutSignIn(value) : value
    })
  }
}

function latin1Of(word: string | Uint8Array): string {
  return Buffer.from(word as string).toString('latin1')
}
