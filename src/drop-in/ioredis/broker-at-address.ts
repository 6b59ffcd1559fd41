// The targets of ioredis instances: one broker in this process for each address, opened when the
// address is first used.
//
// It is never closed: as with a server, written data is there for later instances. It has no file
// and no socket, and does not keep the process alive.

import { type Broker, openBroker, type Word } from '../../index.ts'

/** Initial values by their keys: text, list, set, sorted set (member → score) or hash. */
export type InitialData = Readonly<Record<string, InitialValue>>
export type InitialValue =
  | InitialWord
  | readonly InitialWord[]
  | ReadonlySet<InitialWord>
  | ReadonlyMap<string, number>
  | Readonly<Record<string, InitialWord>>
/** Booleans, dates and null become text, as ioredis-mock has it. */
export type InitialWord = Word | boolean | Date | null

type Command = [command: string, ...words: Word[]]

const brokers = new Map<string, BrokerAtAddress>()

export class BrokerAtAddress {
  /** The last request, so that requests run in order. */
  #ready: Promise<Broker> = openBroker()

  /** Returns the broker of an address: `host:port`, or the path of a socket. */
  static at(address: string): BrokerAtAddress {
    let broker = brokers.get(address)
    if (broker === undefined) {
      broker = new BrokerAtAddress()
      brokers.set(address, broker)
    }
    return broker
  }

  /** The broker, once all initial data is loaded. */
  get broker(): Promise<Broker> {
    return this.#ready
  }

  /**
   * Loads values into a database. They replace values under the same keys. Throws TypeError, with
   * the key of an invalid value.
   */
  fill(data: InitialData, database: number): void {
    const commands: Command[] = [['SELECT', database]]
    for (const [key, value] of Object.entries(data)) commands.push(['DEL', key], ...writesOf(key, value))
    this.#ready = this.#ready.then(async (broker) => {
      const session = broker.session()
      await session.transaction(commands)
      session.close()
      return broker
    })
  }
}

/** The commands that write a value; none for an empty one. */
function writesOf(key: string, value: InitialValue): Command[] {
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol') throw notValue(key, value)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Date) {
    return [['SET', key, wordOf(key, value)]]
  }
  const [command, words] = partsOf(value)
  return words.length === 0 ? [] : [[command, key, ...words.map((word) => wordOf(key, word))]]
}

function partsOf(value: Exclude<InitialValue, InitialWord>): [command: string, words: readonly InitialWord[]] {
  if (Array.isArray(value)) return ['RPUSH', value]
  if (value instanceof Set) return ['SADD', [...value]]
  if (value instanceof Map) return ['ZADD', [...value].flatMap(([member, score]) => [score, member])]
  return ['HSET', Object.entries(value).flat()]
}

/**
 * Returns a word of a value. As in ioredis, other types become text, and null becomes the empty
 * string.
 */
function wordOf(key: string, value: InitialWord): Word {
  if (value === null) return ''
  if (typeof value === 'boolean' || value instanceof Date) return String(value)
  if (Number.isNaN(value)) throw notValue(key, value)
  if (typeof value === 'object' ? value instanceof Uint8Array : /^(string|number|bigint)$/.test(typeof value))
    return value
  throw notValue(key, value)
}

function notValue(key: string, value: unknown): TypeError {
  const what = Array.isArray(value)
    ? 'an array within another value'
    : value === null
      ? 'null'
      : `of type ${typeof value}`
  return new TypeError(
    `option 'data': the value of key '${key}' is ${Number.isNaN(value) ? 'NaN' : what}; it may be text, a number, bytes, ` +
      'true or false, a Date, null, or an array, Set, Map or object of these',
  )
}
