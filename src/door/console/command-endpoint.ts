// POST /v1/command: runs commands as the visitor. Every button of the console is one.
//
//   {"command":["GET","key"]}            {"result":…}
//   {"commands":[["GET","a"],["DEL"]]}   {"results":[{"result":…},{"error":"ERR …","code":"ERR"}]}

import type { CommandClient, Word } from '../clients/command-client.ts'
import { statusOf } from '../clients/error-status.ts'
import { ErrorReply, type JsonReply, jsonOf } from '../clients/json-replies.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { JSON_HEADERS } from '../exchanges/json-headers.ts'
import { refusalOf } from '../routes/refused-commands.ts'
import type { Words } from './asker.ts'
import { type Console, jsonBody } from './console.ts'
import type { ConsoleRequest, Endpoint } from './endpoint.ts'

const COMMANDS_MAX = 1000
const NO_COMMAND = 'the body has a command, or commands, as lists of words'

export const COMMAND_ENDPOINT: Endpoint = {
  method: 'POST',
  path: '/v1/command',
  summary: 'Runs a command, or several, as the user who asks. A word is a text, a number, or bytes as {"base64"}.',
  body: { command: ['any'], commands: [['any']], db: 'integer?' },
  answer: { result: 'any', results: [{ result: 'any', error: 'string?', code: 'string?' }] },
  statuses: { 400: 'The command was refused.', 403: 'The user has no right to it.' },
  handle: answerCommand,
}

async function answerCommand(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  if (visitor.grants !== undefined) throw new HttpError(403, 'NOPERM a token opens channels')
  // The visitor is checked first: a stranger's body is not read.
  console.clients.of(exchange, visitor)
  const { command, commands, db = 0 } = await jsonBody(console, exchange)
  const isOne = command !== undefined
  const list: unknown = isOne ? [command] : commands
  if (!Array.isArray(list) || list.length > COMMANDS_MAX) throw new HttpError(400, NO_COMMAND)
  if (typeof db !== 'number' || !Number.isInteger(db)) throw new HttpError(400, 'db is the number of a database')
  const wanted = list.map(wordsOf)
  const client = console.clients.of(exchange, visitor, db)
  if (db !== 0) await selected(client, db)
  const replies = await run(console, client, wanted)
  for (const [i, words] of wanted.entries()) {
    const reply = replies[i]
    console.audit.note(exchange, visitor, words, reply instanceof ErrorReply ? reply.message : undefined)
  }
  const outcomes = replies.map(outcomeOf)
  const [first] = replies
  const status = isOne && first instanceof ErrorReply ? statusOf(first.message) : 200
  exchange.answer(status, JSON_HEADERS, isOne ? (outcomes[0] ?? '') : `{"results":[${outcomes.join(',')}]}`)
}

async function selected(client: CommandClient, database: number): Promise<void> {
  const [reply] = await client.run([['SELECT', String(database)]], 'typed')
  if (reply instanceof ErrorReply) throw new HttpError(statusOf(reply.message), reply.message)
}

/** Runs commands; one that is not served is refused in its place. */
async function run({ engine }: Console, client: CommandClient, commands: readonly Words[]): Promise<JsonReply[]> {
  const refusals = commands.map((words) => refusalOf(engine, words))
  const served = commands.filter((_, i) => refusals[i] === undefined)
  const replies = [...(await client.run(served, 'typed'))]
  return refusals.map((refusal) => refusal ?? (replies.shift() as JsonReply))
}

function outcomeOf(reply: JsonReply): string {
  if (!(reply instanceof ErrorReply)) return `{"result":${jsonOf(reply, 'typed')}}`
  const [code] = /^\S*/.exec(reply.message) ?? ['']
  return JSON.stringify({ error: reply.message, code })
}

function wordsOf(command: unknown): Words {
  if (!Array.isArray(command) || command.length === 0) throw new HttpError(400, NO_COMMAND)
  return command.map(wordOf)
}

function wordOf(word: unknown): Word {
  if (typeof word === 'string') return word
  if (typeof word === 'number') return String(word)
  if (typeof word === 'object' && word !== null && 'base64' in word && typeof word.base64 === 'string')
    return Buffer.from(word.base64, 'base64')
  throw new HttpError(400, NO_COMMAND)
}
