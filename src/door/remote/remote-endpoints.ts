// The endpoints that show another server: those that ask by commands are the same. Channels and
// queues are found by commands, and what no command tells is answered as missing.

import { type Asker, numberOf, textOf } from '../console/asker.ts'
import { answerJson, type Console, databaseOf, numberIn } from '../console/console.ts'
import type { ConsoleRequest, Endpoint } from '../console/endpoint.ts'
import { ENDPOINTS } from '../console/endpoints.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { kindOf, listClients, type QueueRow, queueRow } from '../jobs/queue-figures.ts'

const CHANNELS_MAX = 1000
/** SCAN is asked so often at most for one request, for so many keys at a time. */
const SCANS_MAX = 200
const SCANNED = '1000'
const QUEUES_MAX = 200

type Handle = Endpoint['handle']

const OWN: Readonly<Record<string, Handle>> = {
  'GET /v1/channels': listChannels,
  'GET /v1/queues': listQueues,
}

const MISSING = new Set([
  'GET /v1/channels/{name}',
  'GET /v1/channels/{name}/messages',
  'GET /v1/tail',
  'GET /v1/durability',
  'GET /v1/stalls',
  'GET /v1/brokers',
  'GET /v1/brokers/self',
  'GET /v1/lists/{name}',
])

export const REMOTE_ENDPOINTS: readonly Endpoint[] = ENDPOINTS.map((endpoint) => {
  const name = `${endpoint.method} ${endpoint.path}`
  const handle = MISSING.has(name) ? refuse : (OWN[name] ?? endpoint.handle)
  return { ...endpoint, handle }
})

async function refuse(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  await console.askerOf(exchange, visitor, 0)
  throw new HttpError(501, 'no command of that server tells this: Respite does')
}

async function listChannels(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  const asker = await console.askerOf(exchange, visitor, 0)
  const limit = numberIn(exchange, 'limit', CHANNELS_MAX, CHANNELS_MAX)
  const match = exchange.query.get('match') || '*'
  const [names] = await asker.ask([['PUBSUB', 'CHANNELS', match]])
  const channels = (names as unknown[]).map((name) => textOf(name) ?? '')
  const shown = channels.slice(0, limit)
  const [counts] = shown.length === 0 ? [[]] : await asker.ask([['PUBSUB', 'NUMSUB', ...shown]])
  answerJson(exchange, {
    channels: shown.map((name, i) => ({
      name,
      kind: 'channel',
      subscribers: numberOf((counts as unknown[])[2 * i + 1]) ?? 0,
      rate: null,
    })),
    kept: [],
    truncated: channels.length > limit,
  })
}

async function listQueues(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  const asker = await console.askerOf(exchange, visitor)
  const db = databaseOf(exchange)
  const { names, isWhole } = await findQueues(asker)
  const clients = await listClients(asker)
  const { engine, monitor } = console
  const rateOf = (name: string, count: number): number | null => monitor.rates.rateOf(`remote ${name}`, count)
  const context = { nowMs: engine.environment.clock.now(), rateOf, clients }
  const queues: QueueRow[] = []
  for (const key of names) {
    const colon = key.lastIndexOf(':')
    const [prefix, name] = [key.slice(0, Math.max(0, colon)), key.slice(colon + 1)]
    const kind = await kindOf(asker, prefix, name)
    const row = kind && (await queueRow(asker, { prefix, name, kind, db }, context))
    if (row !== undefined) queues.push(row)
  }
  answerJson(exchange, { queues, searching: !isWhole, lists: [], streams: [] })
}

/** Looks for the hashes that BullMQ's queues have, and for the counters of Bull's. */
async function findQueues(asker: Asker): Promise<{ names: ReadonlySet<string>; isWhole: boolean }> {
  const names = new Set<string>()
  for (const [pattern, type] of [
    ['*:meta', 'hash'],
    ['*:id', 'string'],
  ] as const) {
    let cursor = '0'
    for (let i = 0; i < SCANS_MAX; i++) {
      const [page] = await asker.ask([['SCAN', cursor, 'MATCH', pattern, 'COUNT', SCANNED, 'TYPE', type]])
      const [next, keys] = page as [unknown, unknown[]]
      for (const key of keys) names.add((textOf(key) ?? '').slice(0, 1 - pattern.length))
      cursor = textOf(next) ?? '0'
      if (names.size >= QUEUES_MAX) return { names, isWhole: false }
      if (cursor === '0') break
    }
    if (cursor !== '0') return { names, isWhole: false }
  }
  return { names, isWhole: true }
}
