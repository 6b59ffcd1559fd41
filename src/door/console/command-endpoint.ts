// POST /v1/command: runs commands as the visitor. Every button of the console is one.
//
//   {"command":["GET","key"]}            {"result":…}
//   {"commands":[["GET","a"],["DEL"]]}   {"results":[{"result":…},{"error":"ERR …","code":"ERR"}]}

import type { Word } from '../clients/command-client.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { JSON_HEADERS } from '../exchanges/json-headers.ts'
import type { Asker, Words } from './asker.ts'
import { answerJson, type Console, jsonBody } from './console.ts'
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
  // The visitor is checked first: a stranger's body is not read.
  await console.askerOf(exchange, visitor, 0)
  const { command, commands, db = console.databaseOf(exchange) } = await jsonBody(console, exchange)
  const isOne = command !== undefined
  const list: unknown = isOne ? [command] : commands
  if (!Array.isArray(list) || list.length > COMMANDS_MAX) throw new HttpError(400, NO_COMMAND)
  if (typeof db !== 'number' || !Number.isInteger(db)) throw new HttpError(400, 'db is the number of a database')
  const wanted = list.map(wordsOf)
  const asker = await console.askerOf(exchange, visitor, db)
  const outcomes = await run(console, asker, wanted)
  for (const [i, words] of wanted.entries()) {
    const outcome = outcomes[i]
    console.audit.note(exchange, visitor, words, outcome instanceof HttpError ? outcome.message : undefined)
  }
  const [first] = outcomes
  if (!isOne) answerJson(exchange, { results: outcomes.map(told) })
  else exchange.answer(first instanceof HttpError ? first.status : 200, JSON_HEADERS, JSON.stringify(told(first)))
}

/** Runs commands; one that is not served is refused in its place. */
async function run(console: Console, asker: Asker, commands: readonly Words[]): Promise<unknown[]> {
  const refusals = commands.map((words) => console.refusalOf(words))
  const values = await asker.tryAll(commands.filter((_, i) => refusals[i] === undefined))
  return refusals.map((refusal) => (refusal === undefined ? values.shift() : new HttpError(400, refusal)))
}

function told(outcome: unknown): object {
  if (!(outcome instanceof HttpError)) return { result: outcome }
  const [code] = /^\S*/.exec(outcome.message) ?? ['']
  return { error: outcome.message, code }
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
