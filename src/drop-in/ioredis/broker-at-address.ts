// Where instances of ioredis would connect to: one broker in this process for each address, opened
// when it is first named.
//
// A place is never given up: as with a server, what was written is there for who comes later. It
// has no file and no socket, and does not keep the process alive.

import { type Broker, openBroker, type Word } from '../../index.ts'

/**
 * Values that are there from the beginning: text, list, set, sorted set (member → score) or hash,
 * by their keys.
 */
export type InitialData = Readonly<Record<string, InitialValue>>
export type InitialValue =
  | Word
  | readonly Word[]
  | ReadonlySet<Word>
  | ReadonlyMap<string, number>
  | Readonly<Record<string, Word>>

type Command = [command: string, ...words: Word[]]

const places = new Map<string, BrokerAtAddress>()

export class BrokerAtAddress {
  /** Follows what was asked for so far, in order. */
  #ready: Promise<Broker> = openBroker()

  /** Returns the place at an address: `host:port`, or the path of a socket. */
  static at(address: string): BrokerAtAddress {
    let place = places.get(address)
    if (place === undefined) {
      place = new BrokerAtAddress()
      places.set(address, place)
    }
    return place
  }

  /** The broker, once everything is there that was to be filled in. */
  get broker(): Promise<Broker> {
    return this.#ready
  }

  /** Puts values into a database; those under the same keys are replaced. */
  fill(data: InitialData, database: number): void {
    const commands: Command[] = [['SELECT', database]]
    for (const [key, value] of Object.entries(data)) commands.push(['DEL', key], ...writesOf(key, value))
    this.#ready = this.#ready.then(async (broker) => {
      const session = broker.session()
      await session.transaction(commands)
      session.close()
      return broker
    })
    // Each client that connects gets this error.
    this.#ready.catch(() => undefined)
  }
}

/** The commands that write a value; nothing for one that is empty. */
function writesOf(key: string, value: InitialValue): Command[] {
  if (typeof value !== 'object' || value instanceof Uint8Array) return [['SET', key, value]]
  const [command, words] = wordsOf(value)
  return words.length === 0 ? [] : [[command, key, ...words]]
}

function wordsOf(value: Exclude<InitialValue, Word>): [command: string, words: Word[]] {
  if (Array.isArray(value)) return ['RPUSH', value]
  if (value instanceof Set) return ['SADD', [...value]]
  if (value instanceof Map) return ['ZADD', [...value].flatMap(([member, score]) => [score, member])]
  return ['HSET', Object.entries(value).flat()]
}
