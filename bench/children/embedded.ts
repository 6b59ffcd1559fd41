// Measures what a Node program can hold in itself: a store of keys and values, in memory or in a
// folder. The same work as rivals/stores/measure.c.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Broker } from '../../src/index.ts'
import { childInput, reportAndExit } from '../child.ts'
import type { EmbeddedReport, NodeStore } from '../embedded-stores.ts'
import { ROOT } from '../servers.ts'

export interface EmbeddedInput {
  store: NodeStore
  directory: string
  keys: number
  /** How long each thing is done. */
  milliseconds: number
  fillMilliseconds: number
  /** Whether a change is on disk before it is over; then nothing is read. */
  durable: boolean
}

/** The measured operations of a store. One that answers at once returns nothing to wait for. */
interface Store {
  /**
   * Sets keys that belong together: a transaction, where the store has them, or calls that are
   * waited for together.
   */
  set(keys: readonly string[]): Promise<unknown> | undefined
  get(keys: readonly string[]): Promise<unknown> | undefined
  delete(key: string): Promise<unknown> | undefined
  /** Visits every key and value; yields how many more there were. */
  iterate(): AsyncGenerator<number>
}

const VALUES = Array.from({ length: 1000 }, (_, i) => String(i).padStart(64, 'v'))
let values = 0

/**
 * Another value each time: SQLite writes nothing, and so syncs nothing, where a value is what it
 * was.
 */
function nextValue(): string {
  values = (values + 1) % VALUES.length
  return VALUES[values]!
}
const MANY = 100
const FILL_AT_A_TIME = 1000
const PAGE = 1000

const { store: name, directory, keys, milliseconds, fillMilliseconds, durable } = childInput<EmbeddedInput>()
const rival = createRequire(join(ROOT, 'bench/rivals/package.json'))
/** Values are looked at, so that no store leaves them out. */
let lookedAt = 0

/** Calls of the command interface, as Respite and ioredis have it. */
interface Caller {
  call(command: string, ...words: string[]): Promise<unknown>
}

function ofCommands({ call }: Caller): Store {
  const look = (value: unknown): void => {
    lookedAt += (value as string).length
  }
  return {
    set: (names) => together(names.map((key) => call('SET', key, nextValue()))),
    get: (names) => together(names.map((key) => call('GET', key).then(look))),
    delete: (key) => call('DEL', key),
    async *iterate() {
      for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
        const [next, found] = (await call('SCAN', cursor, 'COUNT', String(PAGE))) as [string, string[]]
        cursor = next
        if (found.length > 0) for (const value of (await call('MGET', ...found)) as string[]) look(value)
        yield found.length
      }
    },
  }
}

function together(calls: readonly Promise<unknown>[]): Promise<unknown> {
  return calls.length === 1 ? calls[0]! : Promise.all(calls)
}

/** `broker.sync`: each call returns when it is done. */
function ofSyncCommands(broker: Broker): Store {
  const { sync } = broker
  const { iterate } = ofCommands({ call: (command, ...words) => broker.call(command, ...words) })
  return {
    set(names) {
      if (names.length === 1) sync.set(names[0]!, nextValue())
      else sync.transaction(names.map((key) => ['SET', key, nextValue()]))
      return undefined
    },
    get(names) {
      for (const key of names) lookedAt += sync.get(key)!.length
      return undefined
    },
    delete(key) {
      sync.del(key)
      return undefined
    },
    iterate,
  }
}

/** `session.callAll`: many commands, one promise. */
function ofCallAll(broker: Broker): Store {
  const session = broker.session()
  const { delete: remove, iterate } = ofCommands({ call: (command, ...words) => broker.call(command, ...words) })
  return {
    set: (names) => session.callAll(names.map((key) => ['SET', key, nextValue()])),
    async get(names) {
      for (const value of await session.callAll(names.map((key) => ['GET', key]))) lookedAt += (value as string).length
    },
    delete: remove,
    iterate,
  }
}

async function respite(): Promise<typeof import('../../src/index.ts')> {
  return (await import(join(ROOT, 'dist/index.mjs'))) as typeof import('../../src/index.ts')
}

const durability = { dir: directory, appendfsync: durable ? 'always' : 'everysec' } as const

const STORES: Readonly<Record<NodeStore, () => Promise<Store>>> = {
  async respite() {
    const broker = await (await respite()).openBroker()
    return ofCommands({ call: (command, ...words) => broker.call(command, ...words) })
  },
  async 'respite in a folder'() {
    const broker = await (await respite()).openBroker(durability)
    return ofCommands({ call: (command, ...words) => broker.call(command, ...words) })
  },
  async 'respite by callAll'() {
    return ofCallAll(await (await respite()).openBroker())
  },
  async 'respite by sync'() {
    return ofSyncCommands(await (await respite()).openBroker())
  },
  async 'respite by sync in a folder'() {
    return ofSyncCommands(await (await respite()).openBroker(durability))
  },
  async 'respite/ioredis'() {
    const path = join(ROOT, 'dist/drop-in/ioredis.mjs')
    const { Redis } = (await import(path)) as typeof import('../../src/drop-in/ioredis.ts')
    const client = new Redis() as unknown as Record<string, (...words: string[]) => Promise<unknown>>
    await client.ping!()
    return ofCommands({ call: (command, ...words) => client[command.toLowerCase()]!(...words) })
  },
  async Map() {
    const map = new Map<string, string>()
    return {
      set(names) {
        for (const key of names) map.set(key, nextValue())
        return undefined
      },
      get(names) {
        for (const key of names) lookedAt += map.get(key)!.length
        return undefined
      },
      delete(key) {
        map.delete(key)
        return undefined
      },
      async *iterate() {
        for (const value of map.values()) lookedAt += value.length
        yield map.size
      },
    }
  },
  async 'ioredis-mock'() {
    const Mock = rival('ioredis-mock') as new () => Record<string, (...words: string[]) => Promise<unknown>>
    const client = new Mock()
    return ofCommands({ call: (command, ...words) => client[command.toLowerCase()]!(...words) })
  },
  async lmdb() {
    const { open } = rival('lmdb') as { open(options: object): Lmdb }
    const database = open({ path: join(directory, 'store'), encoding: 'string' })
    return {
      async set(names) {
        let last: Promise<unknown> | undefined
        for (const key of names) last = database.put(key, nextValue())
        await last
        if (durable) await database.flushed
      },
      get(names) {
        for (const key of names) lookedAt += database.get(key)!.length
        return undefined
      },
      delete: (key) => database.remove(key),
      async *iterate() {
        let count = 0
        for (const { value } of database.getRange()) {
          lookedAt += value.length
          count++
        }
        yield count
      },
    }
  },
  async 'better-sqlite3'() {
    const Database = rival('better-sqlite3') as new (path: string) => Sqlite
    const database = new Database(join(directory, 'store.db'))
    database.pragma('journal_mode = WAL')
    database.pragma(`synchronous = ${durable ? 'FULL' : 'NORMAL'}`)
    database.exec('CREATE TABLE store (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID')
    const set = database.prepare('INSERT INTO store VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
    const get = database.prepare('SELECT value FROM store WHERE key = ?')
    const remove = database.prepare('DELETE FROM store WHERE key = ?')
    const all = database.prepare('SELECT key, value FROM store')
    const setMany = database.transaction((names: readonly string[]) => {
      for (const key of names) set.run(key, nextValue())
    })
    const look = (row: unknown): void => {
      lookedAt += (row as { value: string }).value.length
    }
    return {
      set(names) {
        if (names.length === 1) set.run(names[0]!, nextValue())
        else setMany(names)
        return undefined
      },
      get(names) {
        for (const key of names) look(get.get(key))
        return undefined
      },
      delete(key) {
        remove.run(key)
        return undefined
      },
      async *iterate() {
        let count = 0
        for (const row of all.iterate()) {
          look(row)
          count++
        }
        yield count
      },
    }
  },
}

/** The little of each package that is used: their types are there only where they are installed. */
interface Lmdb {
  put(key: string, value: string): Promise<unknown>
  get(key: string): string | undefined
  remove(key: string): Promise<unknown>
  getRange(): Iterable<{ value: string }>
  readonly flushed: Promise<unknown>
}

interface Sqlite {
  pragma(text: string): unknown
  exec(text: string): unknown
  prepare(text: string): {
    run(...values: string[]): unknown
    get(...values: string[]): unknown
    iterate(): Iterable<unknown>
  }
  transaction<T>(run: (argument: T) => void): (argument: T) => void
}

// ── the work ────────────────────────────────────────────────────────────────

/** Numbers that follow each other have keys that lie far from each other. */
const keyOf = (number: number): string => `key:${String(Math.imul(number + 1, 0x9e3779b1) >>> 0).padStart(12, '0')}`

/** Drawn, and made whole, before the clock starts: to make one takes as long as to call a store. */
const DRAWN = Array.from({ length: 2 ** 16 }, () =>
  Buffer.from(keyOf(Math.floor(Math.random() * keys))).toString('latin1'),
)
let drawn = 0

function anyKey(): string {
  drawn = (drawn + 1) % DRAWN.length
  return DRAWN[drawn]!
}

const store = await STORES[name]()
const report: EmbeddedReport = {}

/**
 * Does something again and again; `step` returns what it has to wait for, and does `each` things.
 */
async function measure(thing: keyof EmbeddedReport, each: number, step: () => Promise<unknown> | undefined) {
  const began = performance.now()
  let count = 0
  for (; performance.now() - began < milliseconds; count += each) {
    const waits = step()
    if (waits !== undefined) await waits
  }
  report[thing] = (count * 1000) / (performance.now() - began)
}

async function fill(): Promise<boolean> {
  const began = performance.now()
  for (let i = 0; i < keys; i += FILL_AT_A_TIME) {
    if (performance.now() - began > fillMilliseconds) return false
    await store.set(Array.from({ length: Math.min(FILL_AT_A_TIME, keys - i) }, (_, j) => keyOf(i + j)))
  }
  report.insert = (keys * 1000) / (performance.now() - began)
  return true
}

/** Visits everything once at least, or for as long as a fill may take. */
async function iterate(): Promise<void> {
  const began = performance.now()
  let count = 0
  while (performance.now() - began < milliseconds) {
    for await (const more of store.iterate()) {
      count += more
      if (performance.now() - began > fillMilliseconds) break
    }
  }
  report.iterate = (count * 1000) / (performance.now() - began)
}

async function deleteHalf(): Promise<void> {
  const began = performance.now()
  let count = 0
  for (; count < keys / 2 && performance.now() - began < milliseconds; count++) {
    const waits = store.delete(keyOf(count))
    if (waits !== undefined) await waits
  }
  report.delete = (count * 1000) / (performance.now() - began)
}

if (await fill()) {
  await measure('set', 1, () => store.set([anyKey()]))
  await measure('setMany', MANY, () => store.set(Array.from({ length: MANY }, anyKey)))
  if (!durable) {
    await measure('get', 1, () => store.get([anyKey()]))
    await measure('getMany', MANY, () => store.get(Array.from({ length: MANY }, anyKey)))
    await iterate()
    await deleteHalf()
    if (lookedAt === 0) throw new Error('no value was looked at')
  }
}
reportAndExit(report)
