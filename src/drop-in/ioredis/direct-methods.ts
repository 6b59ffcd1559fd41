// Methods of ioredis that call the broker without a request in bytes, if the reply is the same.
// This holds for commands of plain words whose replies have one shape in RESP2 and RESP3. In every
// other case ioredis's own method runs.
//
// The call runs as the connection of the instance, so its database, name and transaction count. It
// is made only while no request of ioredis waits for a reply, so replies come in the order of the
// calls.

import type { BrokerStream } from '../../embedded/broker-stream.ts'
import { CommandError } from '../../index.ts'
import { actual } from './actual-ioredis.ts'

/** Commands whose replies are texts, whole numbers, null, or an array of these. */
const COMMANDS =
  'append decr decrby del exists expire expireat get getdel getset hdel hexists hget hincrby hkeys hlen hmget hset hsetnx hvals incr incrby lindex llen lpop lpush lpushx lrange lrem lset ltrim mget mset persist pexpire pexpireat psetex pttl publish rpop rpush rpushx sadd scard set setex setnx setrange sismember smove srem strlen ttl type unlink xadd xdel xlen zcard zcount zrem'.split(
    ' ',
  )

/**
 * The fields of an instance that are read here; `undefined` in versions of ioredis without the
 * field.
 */
interface Instance {
  readonly status?: string
  readonly stream?: Partial<BrokerStream>
  readonly commandQueue?: { readonly length: number }
  readonly condition?: { readonly subscriber?: unknown } | null
  readonly options: Record<string, unknown>
}

type Method = (this: Instance, ...args: unknown[]) => unknown
type Text = string | number | Buffer

/** Options with which ioredis does more for each command. */
const OPTIONS = [
  'keyPrefix',
  'commandTimeout',
  'socketTimeout',
  'enableAutoPipelining',
  'reconnectOnError',
  'showFriendlyErrorStack',
  'stringNumbers',
]

/** Overrides methods of a class by direct ones. */
export function addDirectMethods(prototype: object): void {
  for (const name of COMMANDS) {
    const original = (prototype as Record<string, unknown>)[name]
    if (typeof original !== 'function') continue
    Object.defineProperty(prototype, name, {
      value: directMethod(name, original as Method),
      writable: true,
      configurable: true,
    })
  }
}

function directMethod(name: string, original: Method): Method {
  return function (...args) {
    const stream = streamOf(this)
    if (stream === undefined || !areWords(args)) return original.apply(this, args)
    const value = stream.callAtOnce(name, args)
    if (value === undefined) return original.apply(this, args)
    if (value instanceof CommandError) return Promise.reject(replyError(value, name, args))
    return Promise.resolve(typeof value === 'bigint' ? Number(value) : value)
  }
}

const plainOptions = new WeakMap<object, boolean>()
/** The options that were looked at last: a look into the map costs a tenth of a call. */
const recent: { options: object | undefined; isPlain: boolean } = { options: undefined, isPlain: false }

/**
 * Returns the stream of an instance that is ready and waits for nothing; undefined = the call must
 * go through ioredis.
 */
function streamOf({ commandQueue, condition, options, status, stream }: Instance): BrokerStream | undefined {
  if (status !== 'ready' || commandQueue?.length !== 0 || condition?.subscriber) return undefined
  if (typeof stream?.callAtOnce !== 'function') return undefined
  if (options !== recent.options) {
    recent.isPlain = plainOptions.get(options) ?? lookAt(options)
    recent.options = options
  }
  return recent.isPlain ? (stream as BrokerStream) : undefined
}

function lookAt(options: Instance['options']): boolean {
  const isPlain = OPTIONS.every((option) => !options[option])
  plainOptions.set(options, isPlain)
  return isPlain
}

function areWords(args: readonly unknown[]): args is readonly Text[] {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]
    if (typeof arg !== 'string' && typeof arg !== 'number' && !Buffer.isBuffer(arg)) return false
  }
  return true
}

/** An error in ioredis's form. */
function replyError({ message }: CommandError, name: string, args: readonly Text[]): Error {
  const error = new actual.ReplyError(message)
  return Object.assign(error, {
    command: { name, args: args.map((arg) => (typeof arg === 'number' ? String(arg) : arg)) },
  })
}
