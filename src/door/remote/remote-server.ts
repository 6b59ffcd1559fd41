// Another server that speaks the Redis protocol, such as Redis or Valkey: connections to it, one
// for
// each database, and one for each search.

import { OptionError } from '../../util/option-error.ts'
import type { Asker, Words } from '../console/asker.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { RawAsker, RawWords } from '../jobs/raw-client.ts'
import { errorIn, isError, valueIn } from '../jobs/reply-bytes.ts'
import { type RemoteAddress, RemoteConnection } from './remote-connection.ts'

const PORT = 6379

export class RemoteServer {
  readonly address: RemoteAddress
  readonly #ofDatabase = new Map<number, Promise<RemoteConnection>>()
  readonly #searching = new Set<RemoteConnection>()

  constructor(address: RemoteAddress) {
    this.address = address
  }

  /** Returns what asks in a database. Rejects with HttpError. */
  async asker(database: number): Promise<Asker> {
    return new RemoteAsker(await this.#connection(database))
  }

  /** Opens a connection of its own, which the caller ends. Rejects with HttpError. */
  async open(database: number): Promise<RawAsker> {
    const connection = await signedIn(new RemoteConnection(this.address), this.address, database)
    this.#searching.add(connection)
    return {
      ask: (commands) => connection.ask(commands),
      end: () => {
        this.#searching.delete(connection)
        connection.end()
      },
    }
  }

  close(): void {
    for (const connection of this.#searching) connection.end()
    for (const opening of this.#ofDatabase.values())
      opening.then(
        (connection) => connection.end(),
        () => undefined,
      )
  }

  /** One connection serves all questions in a database; a broken one is made again. */
  async #connection(database: number): Promise<RemoteConnection> {
    const opening = this.#ofDatabase.get(database)
    const found = await opening?.catch(() => undefined)
    if (found !== undefined && !found.isClosed) return found
    if (opening !== this.#ofDatabase.get(database)) return this.#connection(database)
    const made = signedIn(new RemoteConnection(this.address), this.address, database)
    this.#ofDatabase.set(database, made)
    return made
  }
}

async function signedIn(
  connection: RemoteConnection,
  { password, user }: RemoteAddress,
  database: number,
): Promise<RemoteConnection> {
  const commands: RawWords[] = []
  if (password !== '') commands.push(user === '' ? ['AUTH', password] : ['AUTH', user, password])
  if (database !== 0) commands.push(['SELECT', String(database)])
  try {
    const { bytes, starts } = await connection.ask(commands)
    for (const start of starts) if (isError(bytes, start)) throw errorIn(bytes, start)
    return connection
  } catch (error) {
    connection.end()
    // The page's own session is not meant: the address of the server has a wrong password.
    if (error instanceof HttpError && error.status === 401) throw new HttpError(503, error.message)
    throw error
  }
}

class RemoteAsker implements Asker {
  readonly #connection: RemoteConnection

  constructor(connection: RemoteConnection) {
    this.#connection = connection
  }

  async ask(commands: readonly Words[]): Promise<unknown[]> {
    const values = await this.tryAll(commands)
    for (const value of values) if (value instanceof HttpError) throw value
    return values
  }

  async tryAll(commands: readonly Words[]): Promise<unknown[]> {
    const { bytes, starts } = await this.#connection.ask(commands.map((words) => words.map(latin1Of)))
    return starts.map((start) => valueIn(bytes, start))
  }
}

function latin1Of(word: string | Uint8Array): string {
  return Buffer.from(word as string).toString('latin1')
}

/** Reads `redis://user:password@host:port/database`. Throws OptionError. */
export function remoteAddress(text: string): RemoteAddress {
  let url: URL
  try {
    url = new URL(text.includes('://') ? text : `redis://${text}`)
  } catch {
    throw new OptionError(`'${text}' is no address such as redis://host:6379`)
  }
  if (!/^(redis|rediss|valkey|valkeys):$/.test(url.protocol))
    throw new OptionError(`'${url.protocol}//' is not served: an address begins with redis:// or rediss://`)
  const database = Number(url.pathname.slice(1) || '0')
  if (!Number.isInteger(database)) throw new OptionError('the path of an address is the number of a database')
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
    port: url.port === '' ? PORT : Number(url.port),
    isEncrypted: url.protocol.endsWith('s:') && url.protocol !== 'redis:',
    user: latin1Of(decodeURIComponent(url.username)),
    password: latin1Of(decodeURIComponent(url.password)),
    database,
  }
}
