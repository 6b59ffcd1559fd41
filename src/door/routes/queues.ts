// GET /v1/queues/NAME: how much work a queue has, for autoscalers and boards.
//
// The queue is BullMQ's or Bull's (`?prefix=bull`), or a key of that name: a list or a stream. The
// figures are replies to commands that the visitor's own client runs, so the ACL decides.
//
//   {"name":"mails","kind":"bullmq","isPaused":false,"backlog":12,"oldestMs":4031,
//    "counts":{"waiting":10,"active":3,"delayed":2,"prioritized":2,…}}
//
// `backlog` is the number of jobs or elements that a worker could take now, and `oldestMs` the age
// of the one that has waited longest; null where it is not known.

import type { Engine } from '../../commands/call.ts'
import type { CommandClient, Word } from '../clients/command-client.ts'
import type { CommandClients } from '../clients/command-clients.ts'
import { statusOf } from '../clients/error-status.ts'
import { ErrorReply, jsonOf } from '../clients/json-replies.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { JSON_HEADERS } from '../exchanges/json-headers.ts'
import type { Visitor } from '../rights/visitor.ts'

/** The state of a job → the key of the queue that holds those jobs, and its type. */
const STATES = {
  waiting: ['wait', 'list'],
  paused: ['paused', 'list'],
  active: ['active', 'list'],
  prioritized: ['prioritized', 'zset'],
  delayed: ['delayed', 'zset'],
  'waiting-children': ['waiting-children', 'zset'],
  completed: ['completed', 'zset'],
  failed: ['failed', 'zset'],
} as const

/** Fields that BullMQ alone writes to the hash `meta` of a queue. */
const BULLMQ_FIELDS = ['opts.maxLenEvents', 'version'] as const

type State = keyof typeof STATES

interface QueueFigures {
  readonly name: string
  readonly kind: 'bullmq' | 'bull' | 'list' | 'stream'
  readonly isPaused: boolean
  readonly backlog: number
  readonly oldestMs: number | null
  readonly counts: Readonly<Record<string, number>>
}

export class QueuesRoute {
  readonly #engine: Engine
  readonly #clients: CommandClients

  constructor(engine: Engine, clients: CommandClients) {
    this.#engine = engine
    this.#clients = clients
  }

  /** Rejects with HttpError: 404 where there is no such queue. */
  async answer(exchange: Exchange, visitor: Visitor, name: string): Promise<void> {
    if (visitor.grants !== undefined) throw new HttpError(403, 'NOPERM a token opens channels')
    const client = this.#clients.of(exchange, visitor)
    const prefix = exchange.query.get('prefix') ?? 'bull'
    const figures = (await this.#jobs(client, name, `${prefix}:${name}:`)) ?? (await this.#key(client, name))
    if (figures === undefined) throw new HttpError(404, 'there is no such queue')
    exchange.answer(200, JSON_HEADERS, JSON.stringify(figures))
  }

  /** A queue of BullMQ or Bull; undefined when there is none of that name. */
  async #jobs(client: CommandClient, name: string, prefix: string): Promise<QueueFigures | undefined> {
    const [id, events, pausedAlone, meta, ...lengths] = await ask(client, [
      ['EXISTS', `${prefix}id`],
      // BullMQ writes it with the first job, and `meta` a moment later.
      ['EXISTS', `${prefix}events`],
      ['EXISTS', `${prefix}meta-paused`],
      ['HMGET', `${prefix}meta`, 'paused', ...BULLMQ_FIELDS],
      ...Object.values(STATES).map(([key, type]) => [type === 'list' ? 'LLEN' : 'ZCARD', `${prefix}${key}`]),
    ])
    const [paused, ...fields] = meta as (string | null)[]
    const isBullmq = events === 1 || fields.some((field) => field !== null)
    if (!isBullmq && id === 0) return undefined
    const counts = Object.fromEntries(Object.keys(STATES).map((state, i) => [state, Number(lengths[i])])) as Record<
      State,
      number
    >
    const isPaused = pausedAlone === 1 || paused !== null
    const backlog = counts.waiting + counts.paused + counts.prioritized
    const oldestMs = backlog === 0 ? null : await this.#oldestJob(client, prefix)
    return { name, kind: isBullmq ? 'bullmq' : 'bull', isPaused, backlog, oldestMs, counts }
  }

  /** The age of the job that has waited longest. Workers take jobs at the tail of the list. */
  async #oldestJob(client: CommandClient, prefix: string): Promise<number | null> {
    const tails = await ask(client, [
      ['LINDEX', `${prefix}wait`, '-1'],
      ['LINDEX', `${prefix}paused`, '-1'],
      ['ZRANGE', `${prefix}prioritized`, '0', '0'],
    ])
    const ids = tails.flat().filter((id): id is string => typeof id === 'string')
    const times = await ask(
      client,
      ids.map((id) => ['HGET', `${prefix}${id}`, 'timestamp']),
    )
    const [oldest] = times.flatMap((time) => (time === null ? [] : [Number(time)])).sort((a, b) => a - b)
    return oldest === undefined ? null : Math.max(0, this.#engine.environment.clock.now() - oldest)
  }

  /** A key that programs use as a queue; undefined when there is none of that name. */
  async #key(client: CommandClient, name: string): Promise<QueueFigures | undefined> {
    const [type] = await ask(client, [['TYPE', name]])
    if (type !== 'list' && type !== 'stream') return undefined
    const [length] = await ask(client, [[type === 'list' ? 'LLEN' : 'XLEN', name]])
    const backlog = Number(length)
    return { name, kind: type, isPaused: false, backlog, oldestMs: null, counts: { waiting: backlog } }
  }
}

/** Runs commands and returns the values of their replies. Rejects with HttpError. */
async function ask(client: CommandClient, commands: readonly (readonly Word[])[]): Promise<unknown[]> {
  const replies = await client.run(commands, 'utf8')
  return replies.map((reply) => {
    if (reply instanceof ErrorReply) throw new HttpError(statusOf(reply.message), reply.message)
    return JSON.parse(jsonOf(reply, 'utf8')) as unknown
  })
}
