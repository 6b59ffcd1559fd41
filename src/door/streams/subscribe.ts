// GET /v1/subscribe: a stream of Server-Sent Events, or, for `Accept: application/json`, long
// polling.
//
//   channel, pattern   what to listen to; each may stand several times
//   name               a service: what it misses while it is away comes when it is back
//   from               first, new, the id of a message, or Unix milliseconds; Last-Event-ID comes before it
//   format             text (the default for one channel) or json
//   encoding           utf8 (the default) or base64
//   wait               long polling: how long to wait, 20s unless said

import type { SeekTarget } from '../../channels/reading/named-subscribers.ts'
import type { Engine } from '../../commands/call.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { durationMs } from '../../util/time/duration.ts'
import type { StreamTargets } from '../clients/stream-client.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { Visitor } from '../rights/visitor.ts'
import { checkName } from '../routes/names.ts'
import { type EventFormat, JSON_EVENTS, TEXT_EVENTS } from './event-format.ts'
import { Poll } from './poll.ts'
import type { StreamOpening } from './stream-opening.ts'

/** Channels and patterns of one stream. */
const TARGETS_MAX = 128
const WAIT_MS = 20_000
const WAIT_MS_MAX = 60_000

/** The request of a stream, and the id behind which it goes on. */
interface StreamRequest extends StreamTargets {
  readonly resumesBehind: string | undefined
}

export class SubscribeRoute {
  readonly #engine: Engine
  readonly #opening: StreamOpening

  constructor(engine: Engine, opening: StreamOpening) {
    this.#engine = engine
    this.#opening = opening
  }

  async answer(exchange: Exchange, visitor: Visitor): Promise<void> {
    const request = requestOf(exchange)
    const waitMs = waitOf(exchange)
    const isSingle = request.channels.length === 1 && request.patterns.length === 0
    const format = formatOf(exchange, isSingle)
    const { figures } = this.#opening.streams
    if (waitMs === undefined) await this.#opening.open(exchange, visitor, { targets: request, format, isSingle })
    else {
      const { client, release } = await this.#opening.subscribe(exchange, visitor, request)
      new Poll(this.#engine, exchange, client, figures, { from: request.resumesBehind, release, waitMs })
    }
  }
}

/** Reads what a stream is asked for. Throws HttpError. */
export function requestOf(exchange: Exchange): StreamRequest {
  const { query } = exchange
  const channels = [...new Set(query.getAll('channel'))]
  const patterns = [...new Set(query.getAll('pattern'))]
  if (channels.length + patterns.length === 0) throw new HttpError(400, 'a stream names a channel or a pattern')
  if (channels.length + patterns.length > TARGETS_MAX)
    throw new HttpError(400, `a stream listens to at most ${TARGETS_MAX} channels and patterns`)
  for (const name of [...channels, ...patterns]) checkName(name)
  const name = query.get('name') ?? undefined
  if (name !== undefined && !/^[!-~]{1,256}$/.test(name))
    throw new HttpError(400, 'a name has printable characters without blanks')
  return { channels, patterns, name, encoding: encodingOf(query), ...beginningOf(exchange) }
}

/**
 * Where a stream begins. Last-Event-ID comes first: a browser that is back sends it with the
 * address that it began with.
 */
function beginningOf(exchange: Exchange): { from: SeekTarget | undefined; resumesBehind: string | undefined } {
  const last = exchange.header('last-event-id') ?? exchange.query.get('lastEventId') ?? ''
  const from = last === '' ? exchange.query.get('from') : last
  if (from === null || from === '') return { from: undefined, resumesBehind: undefined }
  if (from === 'first') return { from: 'first', resumesBehind: undefined }
  if (from === 'new') return { from: 'last', resumesBehind: undefined }
  if (/^\d{1,15}$/.test(from)) return { from: { ms: Number(from) }, resumesBehind: undefined }
  const [, ms, seq] = /^(\d{1,19})-(\d{1,19})$/.exec(from) ?? []
  if (ms === undefined || seq === undefined)
    throw new HttpError(400, 'from is first, new, the id of a message, or Unix milliseconds')
  return { from: { behind: StreamId.of(BigInt(ms), BigInt(seq)) }, resumesBehind: from }
}

function encodingOf(query: URLSearchParams): 'utf8' | 'base64' {
  const encoding = query.get('encoding') ?? 'utf8'
  if (encoding !== 'utf8' && encoding !== 'base64') throw new HttpError(400, 'encoding is utf8 or base64')
  return encoding
}

function formatOf({ query }: Exchange, isSingle: boolean): EventFormat {
  const format = query.get('format') ?? (isSingle ? 'text' : 'json')
  if (format !== 'text' && format !== 'json') throw new HttpError(400, 'format is text or json')
  return format === 'text' ? TEXT_EVENTS : JSON_EVENTS
}

/** How long a poll waits; undefined = it is a stream. */
function waitOf(exchange: Exchange): number | undefined {
  const wait = exchange.query.get('wait')
  const accept = exchange.header('accept') ?? ''
  if (wait === null) return accept.includes('application/json') ? WAIT_MS : undefined
  const ms = wait === '0' ? 0 : durationMs(wait)
  if (ms === undefined) throw new HttpError(400, 'wait is a duration such as 20s')
  return Math.min(ms, WAIT_MS_MAX)
}
