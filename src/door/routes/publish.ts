// POST /v1/publish/CHANNEL: publishes the body.
//
//   Idempotency-Key   an id of the message: a channel with `dedupe` publishes it once
//   Publish-At        when: Unix milliseconds, or a date
//   Publish-In        in how long: milliseconds, or a duration such as 30s
//
// The answer is {"receivers":N,"id":"…"}; id is that of the kept message, and null where nothing
// was kept. A message for later is answered {"scheduled":"…"}, the id by which CHANNEL CANCEL
// takes it back.

import type { Engine } from '../../commands/call.ts'
import { durationMs } from '../../util/time/duration.ts'
import type { Word } from '../clients/command-client.ts'
import type { CommandClients } from '../clients/command-clients.ts'
import { ErrorReply, type JsonReply } from '../clients/json-replies.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { JSON_HEADERS } from '../exchanges/json-headers.ts'
import { checkPublish, type Visitor } from '../rights/visitor.ts'
import { checkLeads, elsewhere } from './leader.ts'
import { latin1Of } from './names.ts'

export class PublishRoute {
  readonly #engine: Engine
  readonly #clients: CommandClients

  constructor(engine: Engine, clients: CommandClients) {
    this.#engine = engine
    this.#clients = clients
  }

  async answer(exchange: Exchange, visitor: Visitor, channel: string): Promise<void> {
    const name = latin1Of(channel)
    checkPublish(visitor, name)
    const options = optionsOf(exchange)
    // The visitor is checked first: a stranger's body is not read.
    const client = this.#clients.of(exchange, visitor)
    checkLeads(this.#engine, exchange)
    const message = await exchange.body(this.#engine.config.get('http-max-body'))
    const before = this.#lastId(name)
    const published = client.run([['PUBLISH', channel, message, ...options]], 'utf8')
    const after = this.#lastId(name)
    const [reply] = await published
    this.#tell(exchange, reply, before === after ? undefined : after)
  }

  #tell(exchange: Exchange, reply: JsonReply | undefined, id: string | undefined): void {
    if (reply instanceof ErrorReply) throw elsewhere(this.#engine, exchange, reply.message)
    // A number of receivers, or the id of a scheduled message as text.
    const isScheduled = typeof reply === 'string' && reply.startsWith('"')
    const text = isScheduled
      ? `{"scheduled":${reply}}`
      : `{"receivers":${String(reply)},"id":${JSON.stringify(id ?? null)}}`
    exchange.answer(isScheduled ? 202 : 200, JSON_HEADERS, text)
  }

  /**
   * Returns the id of the last message that a channel keeps. A command runs at once, so this is the
   * message just published.
   */
  #lastId(channel: string): string | undefined {
    const { channels } = this.#engine.parts
    return channels.logs.hasRules ? channels.logs.find(channel, 'channel')?.stream?.lastId.toString() : undefined
  }
}

function optionsOf(exchange: Exchange): Word[] {
  const options: Word[] = []
  const key = exchange.header('idempotency-key')
  const at = exchange.header('publish-at')
  const delay = exchange.header('publish-in')
  if (key !== undefined) options.push('ID', key)
  if (at !== undefined) options.push('AT', timeOf(at))
  if (delay !== undefined) options.push('IN', delayOf(delay))
  return options
}

function timeOf(text: string): string {
  if (/^\d{1,15}$/.test(text)) return text
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new HttpError(400, 'Publish-At is Unix milliseconds, or a date')
  return String(Math.max(0, ms))
}

function delayOf(text: string): string {
  if (/^\d{1,15}$/.test(text)) return text
  const ms = durationMs(text)
  if (ms === undefined) throw new HttpError(400, 'Publish-In is milliseconds, or a duration such as 30s')
  return String(ms)
}
