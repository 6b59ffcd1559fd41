// Libraries as their users set them up, as a load of the proof of a cluster: ioredis, node-redis
// and redis-py with Sentinel, ioredis as a cluster client, and BullMQ (queue-load.ts).
//
// A library may send a command again when its connection has ended (ioredis does by default), so a
// value that is there twice is counted, not judged. A value that was acknowledged must be there.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Cluster, Redis } from 'ioredis'
import { createSentinel } from 'redis'
import { SHARD } from '../../src/prover/cluster/broker.ts'
import { Connection } from '../../src/prover/cluster/connection.ts'
import type { Load } from '../../src/prover/cluster/load.ts'
import type { TrialProcess } from '../../src/prover/cluster/trial-process.ts'
import { sleep } from '../../src/util/time/real-time.ts'
import type { LibraryTotals } from './library-totals.ts'
import { QueueLoad } from './queue-load.ts'
import { Quiet } from './quiet.ts'

const PYTHON_WRITER = fileURLToPath(new URL('redis-py-writer.py', import.meta.url))
const ASK_MS = 30_000
const REST_MS = 5

type Brokers = readonly TrialProcess[]
const sentinelsOf = (brokers: Brokers) => brokers.map(({ host, port }) => ({ host, port }))

/** Reads a list at a broker, which may be a follower in a cluster of several shards. */
async function listAt({ host, port }: TrialProcess, key: string): Promise<string[]> {
  const connection = new Connection(host, port)
  const request = [['READONLY'], ['LRANGE', key, '0', '-1']]
  const [, list] = await connection.ask(request, ASK_MS).finally(() => connection.end())
  if (!Array.isArray(list)) throw new Error(`${key} cannot be read: ${list}`)
  return list as string[]
}

/** Values that one library pushes into one list. */
abstract class Writer implements Load {
  readonly keys: readonly string[]
  protected readonly key: string
  protected readonly totals: LibraryTotals
  protected readonly acknowledged: string[] = []
  readonly #name: string

  constructor(name: string, prefix: string, totals: LibraryTotals) {
    this.#name = name
    this.key = `${prefix}${name}`
    this.keys = [this.key]
    this.totals = totals
  }

  abstract start(): void
  abstract stop(): Promise<void>
  abstract fallQuiet(): Promise<void>
  abstract goOn(): void

  async problems([broker]: Brokers): Promise<string[]> {
    const held = await listAt(broker!, this.key)
    const there = new Set(held)
    this.totals.acknowledged += this.acknowledged.length
    this.totals.repeated += held.length - there.size
    return this.acknowledged
      .filter((value) => !there.has(value))
      .map((value) => `${this.#name}: ${value} was acknowledged but is lost`)
  }
}

/** Connects a library. */
type Open = () => Promise<{ push(key: string, value: string): Promise<unknown>; close(): void }>

class NodeWriter extends Writer {
  readonly #open: Open
  readonly #quiet = new Quiet()
  #isOver = false
  #working: Promise<void> = Promise.resolve()

  constructor(name: string, prefix: string, totals: LibraryTotals, open: Open) {
    super(name, prefix, totals)
    this.#open = open
  }

  override start(): void {
    this.#working = this.#write()
  }

  override async stop(): Promise<void> {
    this.#isOver = true
    await this.#working
  }

  override fallQuiet(): Promise<void> {
    return this.#quiet.begin()
  }

  override goOn(): void {
    this.#quiet.end()
  }

  async #write(): Promise<void> {
    const client = await this.#open()
    for (let i = 0; !this.#isOver; i++) {
      await this.#quiet.run(() =>
        client.push(this.key, `${i}`).then(
          () => void this.acknowledged.push(`${i}`),
          () => void this.totals.failed++,
        ),
      )
      await sleep(REST_MS)
    }
    client.close()
  }
}

/** Another process: it is not quiet, so its strikes have writes in flight. */
class PythonWriter extends Writer {
  readonly #brokers: Brokers
  readonly #python: string
  #child: ChildProcess | undefined = undefined

  constructor(python: string, brokers: Brokers, prefix: string, totals: LibraryTotals) {
    super('redis-py', prefix, totals)
    this.#python = python
    this.#brokers = brokers
  }

  override start(): void {
    const words = [PYTHON_WRITER, this.key, SHARD, ...this.#brokers.map(({ address }) => address)]
    const child = spawn(this.#python, words, { stdio: ['pipe', 'pipe', 'inherit'] })
    let rest = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const [word, value] = line.split(' ')
        if (word === 'ok') this.acknowledged.push(value!)
        else this.totals.failed++
      }
    })
    this.#child = child
  }

  override async stop(): Promise<void> {
    const child = this.#child!
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.stdin!.end()
    await ended
  }

  override async fallQuiet(): Promise<void> {}
  override goOn(): void {}
}

/** A Python that has redis-py; undefined when there is none. */
export function pythonWithRedis(): string | undefined {
  return ['python3', '/usr/bin/python3'].find(
    (python) => spawnSync(python, ['-c', 'import redis.sentinel']).status === 0,
  )
}

/** Returns the loads of all libraries that are there, for one round. */
export function libraryLoads(brokers: Brokers, prefix: string, totals: LibraryTotals): Load[] {
  const python = pythonWithRedis()
  return [
    new NodeWriter('ioredis', prefix, totals, async () => {
      const client = new Redis({ sentinels: sentinelsOf(brokers), name: SHARD })
      client.on('error', () => {})
      return { push: (key, value) => client.rpush(key, value), close: () => client.disconnect() }
    }),
    new NodeWriter('node-redis', prefix, totals, async () => {
      const client = createSentinel({ name: SHARD, sentinelRootNodes: sentinelsOf(brokers) })
      client.on('error', () => {})
      await client.connect()
      return { push: (key, value) => client.rPush(key, value), close: () => client.destroy() }
    }),
    ...(python === undefined ? [] : [new PythonWriter(python, brokers, prefix, totals)]),
    new QueueLoad(brokers, prefix, totals),
  ]
}

/** The load of a cluster client, for clusters of several shards. */
export function clusterLibraryLoads(brokers: Brokers, prefix: string, totals: LibraryTotals): Load[] {
  return [
    new NodeWriter('ioredis-cluster', prefix, totals, async () => {
      const client = new Cluster(sentinelsOf(brokers))
      client.on('error', () => {})
      return { push: (key, value) => client.rpush(key, value), close: () => client.disconnect() }
    }),
  ]
}
