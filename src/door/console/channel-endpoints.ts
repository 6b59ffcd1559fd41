// /v1/channels: channels and patterns with their subscribers, what channels keep, and who is
// remembered. The actions are commands (CHANNEL …, PUBLISH …).

import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import { positionsKey } from '../../channels/log/channel-keys.ts'
import { globMatch } from '../../util/bytes/glob.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { type Asker, mapOf, numberOf, textOf, type Words } from './asker.ts'
import type { Listed } from './broker-view.ts'
import { answerJson, type Console, numberIn } from './console.ts'
import type { ConsoleRequest, Endpoint, Shape } from './endpoint.ts'

const LIMIT = 1000
const LIMIT_MAX = 10_000
const MESSAGES_MAX = 1000
const PENDING_MAX = 100
export const NOT_KEPT = 'A plain channel keeps no messages: one that is sent while no client listens is gone.'
const KINDS: readonly string[] = ['channel', 'pattern', 'shard']

const KEPT: Shape = {
  name: 'string',
  kind: 'string',
  rule: 'string?',
  messages: 'integer',
  bytes: 'integer',
  firstId: 'string?',
  lastId: 'string?',
  ageMs: 'integer?',
  rate: 'number?',
  subscribers: 'integer',
  remembered: 'integer',
  away: 'integer',
  scheduled: 'integer',
  missed: 'integer',
}
const NOTHING_KEPT = {
  messages: 0,
  bytes: 0,
  firstId: null,
  lastId: null,
  ageMs: null,
  away: 0,
  scheduled: 0,
  missed: 0,
} as const
const KIND = { doc: 'channel (unless said), pattern or shard.' } as const

export const CHANNEL_ENDPOINTS: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/v1/channels',
    summary: 'Lists channels and patterns with their subscribers and rates, and channels that keep messages.',
    query: {
      match: { doc: 'A pattern of names.' },
      limit: { doc: `The most entries of each list: ${LIMIT} unless said, at most ${LIMIT_MAX}.`, type: 'integer' },
    },
    answer: {
      channels: [{ name: 'string', kind: 'string', subscribers: 'integer', rate: 'number?' }],
      kept: [KEPT],
      unnamedPatterns: 'integer',
      truncated: 'boolean',
    },
    handle: listChannels,
  },
  {
    method: 'GET',
    path: '/v1/channels/{name}',
    summary: 'Tells of one channel or pattern: what it keeps, and how far each remembered subscriber has heard.',
    query: { kind: KIND },
    answer: {
      ...KEPT,
      places: [
        {
          user: 'string',
          name: 'string',
          group: 'string?',
          connected: 'boolean',
          connections: 'integer',
          place: 'string',
          lag: 'integer',
          behindMs: 'integer?',
          lastContact: 'integer?',
        },
      ],
      pending: [{ id: 'string', at: 'integer', message: 'string' }],
    },
    statuses: { 404: 'Nothing is kept, and there is no subscriber.' },
    handle: tellOfChannel,
  },
  {
    method: 'GET',
    path: '/v1/channels/{name}/messages',
    summary: 'Returns kept messages of a channel by id or time.',
    query: {
      kind: KIND,
      from: { doc: 'The first id, a time in Unix milliseconds, or (ID for what lies behind an id.' },
      to: { doc: 'The last id, a time in Unix milliseconds, or (ID.' },
      order: { doc: 'asc (unless said) or desc.' },
      limit: { doc: `The most messages: 100 unless said, at most ${MESSAGES_MAX}.`, type: 'integer' },
    },
    answer: {
      messages: [{ id: 'string', at: 'integer', message: 'string', scheduledId: 'string?' }],
      next: 'string?',
    },
    handle: tellOfMessages,
  },
]

async function listChannels(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  const limit = numberIn(exchange, 'limit', LIMIT, LIMIT_MAX)
  const match = exchange.query.get('match')
  const asker = await console.askerOf(exchange, visitor, 0)
  const { view } = console
  const [keeps, hasShards] = [await view.keepsChannels(), await view.hasShardChannels()]
  const [channels, shards, kept, keptShards] = await asker.ask([
    ['PUBSUB', 'CHANNELS'],
    ...(hasShards ? [['PUBSUB', 'SHARDCHANNELS']] : []),
    ...(keeps
      ? [
          ['CHANNEL', 'LIST'],
          ['CHANNEL', 'LIST', 'SHARD'],
        ]
      : []),
  ])
  const isWanted = ({ name }: Listed): boolean => match === null || match === '' || globMatch(match, name)
  const { names, unnamed } = await view.patterns(asker, visitor)
  const heard = [...listed(channels, 'channel'), ...listed(names, 'pattern'), ...listed(shards, 'shard')].filter(
    isWanted,
  )
  const keeping = [...listed(kept, 'channel'), ...listed(keptShards, 'shard')].filter(isWanted)
  const rows = keeping.slice(0, limit)
  const infos = await asker.tryAll(rows.map(infoOf))
  const shown = heard.slice(0, limit)
  const listening = await view.listening(asker, shown)
  answerJson(exchange, {
    channels: shown.map((one, i) => ({ ...one, ...listening[i] })),
    kept: rows.flatMap((one, i) => (infos[i] instanceof HttpError ? [] : [keptRow(console, one, infos[i])])),
    unnamedPatterns: unnamed,
    truncated: heard.length > limit || keeping.length > limit,
  })
}

function listed(names: unknown, kind: SubscriptionKind): Listed[] {
  return ((names ?? []) as unknown[]).map((name) => ({ name: textOf(name) ?? '', kind }))
}

function infoOf({ kind, name }: Listed): Words {
  return ['CHANNEL', 'INFO', name, ...(kind === 'shard' ? ['SHARD'] : [])]
}

function keptRow({ engine, view }: Console, channel: Listed, info: unknown): Record<string, unknown> {
  const { kind, name } = channel
  const map = mapOf(info)
  const firstId = textOf(map['first-id']) ?? null
  const lastId = textOf(map['last-id']) ?? null
  const count = (name: string): number => numberOf(map[name]) ?? 0
  return {
    name,
    kind,
    rule: textOf(map.rule) ?? null,
    messages: count('messages'),
    bytes: count('bytes'),
    firstId,
    lastId,
    ageMs:
      firstId === null ? null : Math.max(0, Math.round(engine.environment.clock.now() - Number.parseInt(firstId, 10))),
    rate: view.keptRate(channel),
    subscribers: count('subscribers'),
    remembered: count('remembered'),
    away: count('away'),
    scheduled: count('scheduled'),
    missed: count('missed'),
  }
}

async function tellOfChannel(console: Console, { exchange, names, visitor }: ConsoleRequest): Promise<void> {
  const channel = channelIn(exchange, names)
  const asker = await console.askerOf(exchange, visitor, 0)
  const keeps = await console.view.keepsChannels()
  const places = keeps ? await placesOf(console, asker, channel) : []
  const row = await rowOf(console, asker, channel, keeps)
  const isNothing = row.subscribers === 0 && row.messages === 0 && row.scheduled === 0 && places.length === 0
  if (isNothing) throw new HttpError(404, 'nothing is kept there, and there is no subscriber')
  const pending = channel.kind === 'pattern' || !keeps ? [] : await pendingOf(asker, channel)
  answerJson(exchange, { ...row, places, pending })
}

async function rowOf(
  console: Console,
  asker: Asker,
  channel: Listed,
  keeps: boolean,
): Promise<Record<string, unknown>> {
  const { view } = console
  if (channel.kind === 'pattern' || !keeps) {
    const remembered = channel.kind === 'pattern' ? view.rememberedFor(channel.name) : 0
    const [listening] = await view.listening(asker, [channel])
    return { ...channel, rule: null, ...NOTHING_KEPT, remembered, ...listening }
  }
  const [info] = await asker.ask([infoOf(channel)])
  const row = keptRow(console, channel, info)
  if (row.messages !== 0) return row
  const [listening] = await view.listening(asker, [channel])
  return { ...row, ...listening }
}

async function placesOf({ engine }: Console, asker: Asker, { kind, name }: Listed): Promise<object[]> {
  const kindWord = kind === 'channel' ? [] : [kind.toUpperCase()]
  const [rows] = await asker.ask([['CHANNEL', 'SUBSCRIBERS', name, ...kindWord]])
  const places = (rows as unknown[]).map(mapOf)
  const fields = places.map(({ name: who, user }) => `${textOf(user)} ${textOf(who)}`)
  // A user who may not read the key is not told when the others were here last.
  const [written] = fields.length === 0 ? [[]] : await asker.tryAll([['HMGET', positionsKey(kind, name), ...fields]])
  const nowMs = Math.round(engine.environment.clock.now())
  return places.map((map, i) => {
    const user = textOf(map.user) ?? ''
    const who = textOf(map.name) ?? ''
    const place = textOf(map.place) ?? ''
    const lag = numberOf(map.lag) ?? 0
    const isConnected = map.connected === 1 || map.connected === true
    const seconds = Array.isArray(written) ? numberOf(textOf(written[i])?.split(' ')[2]) : null
    return {
      user,
      name: who,
      group: user === '$share' ? who : null,
      connected: isConnected,
      connections: numberOf(map.connections) ?? 0,
      place,
      lag,
      behindMs: lag === 0 ? 0 : Math.max(0, nowMs - Number.parseInt(place, 10)),
      lastContact: isConnected ? nowMs : seconds === null ? null : seconds * 1000,
    }
  })
}

async function pendingOf(asker: Asker, { kind, name }: Listed): Promise<object[]> {
  const words = ['CHANNEL', 'PENDING', name, 'COUNT', String(PENDING_MAX), ...(kind === 'shard' ? ['SHARD'] : [])]
  const [rows] = await asker.ask([words])
  return (rows as unknown[][]).map(([id, at, message]) => ({ id, at: numberOf(at), message }))
}

async function tellOfMessages(console: Console, { exchange, names, visitor }: ConsoleRequest): Promise<void> {
  const { kind, name } = channelIn(exchange, names)
  if (kind === 'pattern') throw new HttpError(400, 'a pattern keeps no messages')
  const { query } = exchange
  const isFalling = query.get('order') === 'desc'
  const limit = Math.max(1, numberIn(exchange, 'limit', 100, MESSAGES_MAX))
  const range = [query.get('from') || '-', query.get('to') || '+']
  const words = ['CHANNEL', 'HISTORY', name, ...range, 'COUNT', String(limit), ...(isFalling ? ['REV'] : [])]
  const asker = await console.askerOf(exchange, visitor, 0)
  if (!(await console.view.keepsChannels())) throw new HttpError(501, NOT_KEPT)
  const [rows] = await asker.ask([kind === 'shard' ? [...words, 'SHARD'] : words])
  const messages = (rows as unknown[][]).map(([id, message, scheduledId = null]) => ({
    id: String(id),
    at: Number.parseInt(String(id), 10),
    message,
    scheduledId,
  }))
  const last = messages.at(-1)
  answerJson(exchange, { messages, next: messages.length < limit || last === undefined ? null : `(${last.id}` })
}

function channelIn({ query }: Exchange, [name = '']: readonly string[]): Listed {
  const kind = query.get('kind') ?? 'channel'
  if (!KINDS.includes(kind)) throw new HttpError(400, 'kind is channel, pattern or shard')
  return { name, kind: kind as SubscriptionKind }
}
