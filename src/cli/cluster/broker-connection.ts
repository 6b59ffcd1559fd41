// A broker of a cluster, as an operator's command uses it.

import { clearTimeout, setTimeout } from '../../util/time/real-time.ts'
import { Connection, type Encryption } from '../client/connection.ts'
import type { Reply } from '../client/reply.ts'
import type { CommandLine } from './command-line.ts'

/** The credentials for all brokers. */
export interface Credentials {
  readonly user: string
  readonly password: string
  readonly encryption: Encryption | undefined
}

/** A decoded reply. Maps are arrays of alternating names and values. */
export type Answer = string | number | null | readonly Answer[]

/** A broker has refused a command or cannot be asked. */
export class BrokerError extends Error {
  override name = 'NodeError'
}

/** A broker without an answer for this long counts as away. */
const ANSWER_MS_MAX = 5000

export class BrokerConnection {
  readonly address: string
  readonly #connection: Connection

  private constructor(address: string, connection: Connection) {
    this.address = address
    this.#connection = connection
  }

  /** Connects and authenticates. Throws `NodeError`. */
  static async open({ host, port }: { host: string; port: number }, entry: Credentials): Promise<BrokerConnection> {
    const address = `${host}:${port}`
    const opening = Connection.open({ host, port, socket: '', encryption: entry.encryption })
    let node: BrokerConnection
    try {
      node = new BrokerConnection(address, await soon(opening))
    } catch (error) {
      // A connection that opens too late is closed.
      opening.then((late) => late.close()).catch(() => {})
      throw new BrokerError(`${address}: ${(error as Error).message}`)
    }
    if (entry.password !== '') await node.ask('AUTH', entry.user, entry.password)
    return node
  }

  /** Sends a command. Throws `NodeError` when the reply is an error, or none comes. */
  async ask(...words: string[]): Promise<Answer> {
    try {
      return answerOf(await soon(this.#connection.ask(words)))
    } catch (error) {
      throw new BrokerError(`${this.address}: ${(error as Error).message}`)
    }
  }

  close(): void {
    this.#connection.close()
  }
}

/**
 * Reads the credentials: `-a`, `--user`, `--tls yes`, and files for TLS. Environment:
 * REDISCLI_AUTH.
 */
export function readCredentials(words: CommandLine): Credentials {
  const files = {
    certFile: words.take('--cert') ?? '',
    keyFile: words.take('--key') ?? '',
    authoritiesFile: words.take('--cacert') ?? '',
    serverName: words.take('--sni') ?? '',
  }
  const isEncrypted = words.take('--tls') === 'yes' || Object.values(files).some((file) => file !== '')
  const isServerTrusted = words.take('--insecure') === 'yes'
  return {
    user: words.take('--user') ?? 'default',
    password: words.take('-a') ?? process.env.REDISCLI_AUTH ?? '',
    encryption: isEncrypted ? { ...files, isServerTrusted } : undefined,
  }
}

/** The value of a name in a map. */
export function valueIn(map: Answer, name: string): Answer | undefined {
  if (!Array.isArray(map)) return undefined
  const at = map.indexOf(name)
  return at < 0 ? undefined : (map[at + 1] as Answer)
}

/** A field of INFO; '' when there is none. */
export function fieldIn(info: Answer, name: string): string {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(String(info))?.[1] ?? ''
}

/** The answer to a command that ends the connection; throws every other error. */
export function unlessClosed(error: Error): null {
  if (/closed the connection|ECONNRESET/.test(error.message)) return null
  throw error
}

function answerOf({ bytes, items, type }: Reply): Answer {
  if (type === '-') throw new Error(bytes.toString('utf8'))
  if (type === '_') return null
  if (type === ':') return Number(bytes.toString())
  return '*%~>'.includes(type) ? items.map(answerOf) : bytes.toString('utf8')
}

async function soon<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`)), ANSWER_MS_MAX)
  })
  try {
    return await Promise.race([answer, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
