// Commands over HTTP, in Upstash's REST protocol.
//
//   POST /              ["SET","key","value"]          one command
//   POST /pipeline      [["SET","a","1"],["GET","a"]]  commands one behind the other
//   POST /multi-exec    the same, as one transaction
//   GET  /get/key       the words in the path; POST takes its body as the last word; ?EX=10 adds words behind it
//
// The answer to a command is {"result":…} or {"error":"…"}. `Upstash-Encoding: base64` asks for
// strings in base64.

import type { Engine } from '../../commands/call.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import type { CommandClient, Word } from '../clients/command-client.ts'
import type { CommandClients } from '../clients/command-clients.ts'
import { type Command, commandOf, commandsOf } from '../clients/json-commands.ts'
import { type Encoding, ErrorReply, type JsonReply, outcomeOf } from '../clients/json-replies.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { JSON_HEADERS } from '../exchanges/json-headers.ts'
import type { Visitor } from '../rights/visitor.ts'
import { segmentsOf } from './names.ts'
import { refusalOf } from './refused-commands.ts'
import { UpstashScripts } from './upstash-scripts.ts'

const NO_COMMAND = 'ERR the body is a JSON array of the words of a command'
/** So much of an answer is made in a turn of the loop. */
const PIECE_CHARACTERS = 64 * 1024
/** Parameters of the query that are not words of the command. */
const CREDENTIALS = ['_token', 'authorization', 'ticket']

export class CommandsRoute {
  readonly #engine: Engine
  readonly #clients: CommandClients
  readonly #scripts = new UpstashScripts()

  constructor(engine: Engine, clients: CommandClients) {
    this.#engine = engine
    this.#clients = clients
  }

  async answer(exchange: Exchange, visitor: Visitor): Promise<void> {
    if (visitor.grants !== undefined)
      throw new HttpError(403, 'NOPERM a token opens channels: commands need the password of a user')
    // The visitor is checked first: a stranger's body is not read.
    const client = this.#clients.of(exchange, visitor)
    const body = exchange.method === 'POST' ? await exchange.body(this.#engine.config.get('http-max-body')) : undefined
    const encoding = exchange.header('upstash-encoding')?.toLowerCase() === 'base64' ? 'base64' : 'utf8'
    if (body !== undefined && exchange.path === '/pipeline') return this.#pipeline(exchange, client, body, encoding)
    if (body !== undefined && exchange.path === '/multi-exec')
      return this.#transaction(exchange, client, body, encoding)
    await this.#one(exchange, client, await this.#commandOf(exchange, visitor, body), encoding)
  }

  async #commandOf(exchange: Exchange, visitor: Visitor, body: Buffer | undefined): Promise<Command> {
    if (exchange.path === '/') {
      if (body === undefined) throw new HttpError(405, 'ERR a command is posted', { Allow: 'POST' })
      return commandOf(body)
    }
    const words = wordsOfPath(exchange, body)
    // A link on any page makes a browser send GET. Older ones do not say that another site asked
    // for it.
    if (body === undefined && visitor.proof === 'open' && !this.#onlyReads(words))
      throw new HttpError(405, 'ERR without a password a command that changes something is posted', { Allow: 'POST' })
    return words
  }

  #onlyReads(words: Command): boolean {
    const flags = this.#engine.commands.meant(String(words[0]), words[1])?.flags
    if (flags === undefined || flags.has('readonly')) return true
    return flags.has('fast') && !flags.has('write') && !flags.has('pubsub')
  }

  async #one(exchange: Exchange, client: CommandClient, command: Command, encoding: Encoding): Promise<void> {
    const [reply] = await this.#run(client, [command], encoding)
    assert(reply !== undefined, 'a command has a reply')
    exchange.answer(reply instanceof ErrorReply ? 400 : 200, JSON_HEADERS, outcomeOf(reply, encoding))
  }

  async #pipeline(exchange: Exchange, client: CommandClient, body: Buffer, encoding: Encoding): Promise<void> {
    const replies = await this.#run(client, await commandsOf(body), encoding)
    exchange.answer(200, JSON_HEADERS, await listOf(replies, encoding))
  }

  /** Runs commands. A command that a connection must not run is refused in its place. */
  async #run(client: CommandClient, commands: readonly Command[], encoding: Encoding): Promise<readonly JsonReply[]> {
    const refusals = new Map<number, ErrorReply>()
    const replies = await client.run(this.#served(commands, refusals), encoding)
    if (refusals.size === 0) return replies
    let next = 0
    return commands.map((_, i) => refusals.get(i) ?? itemAt(replies, next++))
  }

  /** Yields the commands that are served, and notes the refusals of the others by their places. */
  *#served(commands: readonly Command[], refusals: Map<number, ErrorReply>): Generator<Command> {
    for (const [i, command] of commands.entries()) {
      const refusal = refusalOf(this.#engine, command)
      if (refusal === undefined) yield this.#scripts.translate(command)
      else refusals.set(i, refusal)
    }
  }

  async #transaction(exchange: Exchange, client: CommandClient, body: Buffer, encoding: Encoding): Promise<void> {
    const commands = await commandsOf(body, (command) => {
      const refusal = refusalOf(this.#engine, command)
      if (refusal !== undefined) throw new HttpError(400, refusal.message)
    })
    const replies = await client.run(this.#inTransaction(commands), encoding)
    const last = replies.at(-1)
    if (last instanceof ErrorReply) throw new HttpError(400, last.message)
    assert(Array.isArray(last), 'EXEC answers with an array')
    exchange.answer(200, JSON_HEADERS, await listOf(last as readonly JsonReply[], encoding))
  }

  *#inTransaction(commands: readonly Command[]): Generator<Command> {
    yield ['MULTI']
    for (const command of commands) yield this.#scripts.translate(command)
    yield ['EXEC']
  }
}

/** Returns replies as a list. Many of them, or long ones, take several turns of the loop. */
async function listOf(replies: readonly JsonReply[], encoding: Encoding): Promise<string | Buffer> {
  const pieces: Buffer[] = []
  let text = '['
  for (const [i, reply] of replies.entries()) {
    text += i === 0 ? outcomeOf(reply, encoding) : `,${outcomeOf(reply, encoding)}`
    if (text.length < PIECE_CHARACTERS) continue
    pieces.push(Buffer.from(text))
    text = ''
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  text += ']'
  return pieces.length === 0 ? text : Buffer.concat([...pieces, Buffer.from(text)])
}

function wordsOfPath({ path, query }: Exchange, body: Buffer | undefined): Command {
  const words: Word[] = segmentsOf(path)
  if (words.at(-1) === '') words.pop()
  if (words.length === 0) throw new HttpError(400, NO_COMMAND)
  if (body !== undefined && body.length > 0) words.push(body)
  for (const [name, value] of query) {
    if (CREDENTIALS.includes(name)) continue
    words.push(name)
    if (value !== '') words.push(value)
  }
  return words
}
