// Instances of a service: connections of one name by ioredis, node-redis and redis-py, in RESP2 and
// RESP3, which reconnect when they break. Repeated messages are recognised as docs/channels.md shows
// it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { onTestFinished } from 'vitest'
import { eventually } from '../support/server.ts'

const PROGRAM = fileURLToPath(new URL('shared-names.py', import.meta.url))
const SEEN_MAX = 10_000

/** A Python that has redis-py; undefined when there is none. */
function findPython(): string | undefined {
  const pythons = ['python3', '/usr/bin/python3']
  const found = pythons.find((python) => spawnSync(python, ['-c', 'import redis']).status === 0)
  if (found === undefined) console.warn('skipped: there is no Python with redis-py (apt-get install python3-redis)')
  return found
}

export const python = findPython()

/** redis-py speaks RESP3 from version 5 on. */
export const speaksResp3 =
  python !== undefined &&
  spawnSync(python, ['-c', 'import redis, sys; sys.exit(int(redis.__version__.split(".")[0]) < 5)']).status === 0
if (python !== undefined && !speaksResp3) console.warn('skipped: this redis-py does not speak RESP3')

/** A message that reached an instance, perhaps once more. */
export interface Arrival {
  readonly id: number
  readonly atMs: number
}

/** The ids of messages in the order of their arrival, without repeated ones. */
class Ear {
  readonly heard: number[] = []
  readonly arrivals: Arrival[] = []
  repeated = 0
  /** Connections that ended and were made again. redis-py does not tell. */
  reconnects = 0
  readonly #seen = new Set<number>()

  readonly hear = (message: string): void => {
    const { id } = JSON.parse(message) as { id: number }
    this.arrivals.push({ id, atMs: performance.now() })
    if (this.#seen.has(id)) {
      this.repeated++
      return
    }
    if (this.#seen.add(id).size > SEEN_MAX) this.#seen.delete(this.#seen.values().next().value!)
    this.heard.push(id)
  }

  /** Takes what redis-py's program says: an id, which it has recognised if `again` precedes it. */
  told(line: string): void {
    const [, again, number] = /^(again )?(\d+)$/.exec(line) ?? []
    const id = Number(number)
    this.arrivals.push({ id, atMs: performance.now() })
    if (again === undefined) this.heard.push(id)
    else this.repeated++
  }
}

export interface Instance extends Pick<Ear, 'heard' | 'arrivals' | 'repeated' | 'reconnects'> {
  /** Ends the connection as a process does that is killed. */
  kill(): void
}

/** Connects an instance that has subscribed to `orders.eu` when this returns. */
export type Connect = (port: number, protocol: 2 | 3, name?: string) => Promise<Instance>

export const byIoredis: Connect = async (port, protocol, name = 'billing') => {
  const ear = new Ear()
  const subscriber = new Redis({ port, protocol, connectionName: name, retryStrategy: () => 20, lazyConnect: true })
  subscriber.on('error', () => {})
  subscriber.on('reconnecting', () => ear.reconnects++)
  subscriber.on('message', (_, message) => ear.hear(message))
  onTestFinished(() => subscriber.disconnect())
  await subscriber.connect()
  await subscriber.subscribe('orders.eu')
  return Object.assign(ear, { kill: () => subscriber.disconnect() })
}

export const byNodeRedis: Connect = async (port, protocol, name = 'billing') => {
  const ear = new Ear()
  const socket = { port, host: '127.0.0.1', reconnectStrategy: () => 20 }
  const subscriber = createClient({ socket, name, RESP: protocol })
  subscriber.on('error', () => {})
  subscriber.on('reconnecting', () => ear.reconnects++)
  const kill = (): void => {
    if (subscriber.isOpen) subscriber.destroy()
  }
  onTestFinished(kill)
  await subscriber.connect()
  await subscriber.subscribe('orders.eu', ear.hear)
  return Object.assign(ear, { kill })
}

export const byRedisPy: Connect = async (port, protocol, name = 'billing') => {
  const child: ChildProcess = spawn(python!, [PROGRAM, String(port), String(protocol), name], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ear = new Ear()
  let isSubscribed = false
  let rest = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      if (line === 'subscribed') isSubscribed = true
      else ear.told(line)
    }
  })
  await eventually(() => isSubscribed, 'a subscription of redis-py')
  return Object.assign(ear, { kill: () => void child.kill('SIGKILL') })
}
