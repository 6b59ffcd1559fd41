// In a program: how fast is a store that a program holds in itself, in memory, in a folder, and
// with each change on disk?
//
// Libraries of C are measured from C, without a language in between: what JavaScript costs is part
// of the answer.

import { startChild } from './child.ts'
import type { Work as JobWork, Place } from './children/jobs.ts'
import { type EmbeddedReport, type EmbeddedStore, libraryStore, nodeStore, type Work } from './embedded-stores.ts'
import { rounds } from './pairs.ts'
import { type Answer, besideBest, judged, perSecond, type Question, type Row, type Scale, tell } from './question.ts'
import { startServer } from './servers.ts'

const SIZES = [1000, 100_000, 1_000_000]
const DURABLE_KEYS = 100_000
/** A store that has not taken all keys by then is left out of that size. */
const FILL_MS = 20_000

const THINGS: readonly { thing: keyof EmbeddedReport; what: string }[] = [
  { thing: 'insert', what: 'new keys, 1000 at a time' },
  { thing: 'set', what: 'set' },
  { thing: 'setMany', what: 'set, 100 at a time' },
  { thing: 'get', what: 'get' },
  { thing: 'getMany', what: 'get, 100 at a time' },
  { thing: 'iterate', what: 'keys and values visited' },
  { thing: 'delete', what: 'delete' },
]

type Group = readonly (EmbeddedStore | string)[]

const JOBS: readonly { work: JobWork; shown: string; jobs: number }[] = [
  { work: 'add', shown: 'added singly, 64 in flight', jobs: 20_000 },
  { work: 'addBulk', shown: 'addBulk of 1,000', jobs: 40_000 },
  { work: 'process1', shown: 'processed, concurrency 1', jobs: 5000 },
  { work: 'process100', shown: 'processed, concurrency 100', jobs: 20_000 },
]

/**
 * Stores that do the same for a program; ours first. A store that is not installed is there by
 * name.
 */
const inMemory = (): Group => [
  nodeStore('respite')!,
  nodeStore('Map')!,
  mock(),
  libraryStore('Tokyo Cabinet in memory') ?? 'Tokyo Cabinet',
]
const mock = (): EmbeddedStore | string => nodeStore('ioredis-mock') ?? 'ioredis-mock'
const inFolder = (): Group => [
  nodeStore('respite in a folder')!,
  nodeStore('lmdb') ?? 'lmdb',
  nodeStore('better-sqlite3') ?? 'better-sqlite3',
  libraryStore('Tokyo Cabinet') ?? 'Tokyo Cabinet',
  libraryStore('GDBM') ?? 'GDBM',
  libraryStore('Berkeley DB') ?? 'Berkeley DB',
  libraryStore('LMDB') ?? 'LMDB',
]

async function ask(scale: Scale): Promise<readonly Answer[]> {
  const sizes = scale.quick ? [1000] : SIZES
  const small = scale.quick ? [1000] : SIZES.slice(0, 2)
  const work: Omit<Work, 'keys'> = {
    milliseconds: (scale.seconds * 1000) / 3,
    fillMilliseconds: FILL_MS,
    durable: false,
  }
  const memory = inMemory()
  const folder = inFolder()
  return [
    await table(
      'In a program: stores in memory',
      memory,
      sizes.map((keys) => ({ ...work, keys })),
      [
        'Keys of 16 bytes, values of 64; keys are drawn at random, before the clock starts. Calls that do not return at once are awaited: one by one, or a hundred together. Respite and ioredis-mock are called by commands (`call`, `set`), visited by SCAN and MGET.',
        'A Map and the table of C hold nothing but bytes: no types, no expiry, no subscribers, no other process.',
      ],
    ),
    await table(
      'In a program: stores in a folder',
      folder,
      sizes.map((keys) => ({ ...work, keys })),
      [
        'No store syncs each change here. Respite has written it to the system before it answers, and syncs every second: what was answered survives the end of the process. LMDB (C: MDB_NOSYNC; npm: as it comes) and better-sqlite3 (WAL, synchronous NORMAL) keep that promise too. Tokyo Cabinet, GDBM and Berkeley DB (no transactions, a cache of 512 MiB) may be damaged by it.',
        'A hundred at a time are a transaction where there are transactions. Respite keeps all data in memory; the others may be larger than it.',
        `${String.fromCharCode(8211)}: was not full within ${FILL_MS / 1000} s.`,
      ],
    ),
    await table(
      'In a program: each change on disk',
      folder,
      [{ ...work, durable: true, keys: scale.quick ? 1000 : DURABLE_KEYS }],
      [
        'A change is over when it is synced. Respite: `appendfsync always`. LMDB: as it comes (C), or with `flushed` (npm). Better-sqlite3: synchronous FULL. Tokyo Cabinet and GDBM: a call that syncs. Berkeley DB: a commit of its transaction log.',
      ],
    ),
    await table(
      'In a program: ioredis, and ioredis-mock',
      [nodeStore('respite/ioredis')!, mock()],
      small.map((keys) => ({ ...work, keys })),
      [
        '`respite/ioredis` is ioredis with a broker in the process. Calls are awaited one by one, or a hundred together.',
      ],
    ),
    await table(
      'In a program: many commands, one promise',
      [nodeStore('respite by callAll')!, mock()],
      small.map((keys) => ({ ...work, keys })),
      ['`session.callAll` beside a hundred promises of ioredis-mock.'],
    ),
    await table(
      'In a program: without promises',
      [nodeStore('respite by sync')!, nodeStore('Map')!, mock()],
      small.map((keys) => ({ ...work, keys })),
      ['`broker.sync.get` and `broker.sync.set` return the reply.'],
    ),
    await table(
      'In a program: without promises, each change on disk',
      [nodeStore('respite by sync in a folder')!, nodeStore('better-sqlite3') ?? 'better-sqlite3'],
      [{ ...work, durable: true, keys: scale.quick ? 1000 : DURABLE_KEYS }],
      ['Both return when the change is synced: `appendfsync always`, and synchronous FULL.'],
    ),
    await bullmq(scale),
  ]
}

/** The same jobs by the same library: in this process, and on our server over loopback. */
async function bullmq(scale: Scale): Promise<Answer> {
  const server = await startServer('respite')
  const rows: Row[] = []
  try {
    for (const { work, shown, jobs } of JOBS) {
      const count = scale.quick ? 100 : jobs
      const places: Record<'in the process' | 'over loopback', Place> = {
        'in the process': { inProcess: 'backend' },
        'over loopback': { port: server.port },
      }
      const measure = async (name: keyof typeof places): Promise<number> => {
        const { seconds } = await startChild<{ seconds: number }>('jobs', { place: places[name], work, jobs: count })
          .result
        return count / seconds
      }
      const found = await rounds(['in the process', 'over loopback'], measure)
      const what = `BullMQ: jobs ${shown}`
      const row = judged(besideBest(what, found, 'more', perSecond), found, 'over loopback', 2)
      tell(row)
      rows.push(row)
    }
  } finally {
    await server.stop()
  }
  return {
    title: 'In a program: BullMQ below the wire, and over loopback',
    rivals: ['over loopback'],
    commandLines: [server.commandLine],
    rows,
    notes: ['`respite/bullmq` with a broker in the process, beside BullMQ as it comes with our server in another.'],
  }
}

async function table(title: string, group: Group, works: readonly Work[], notes: readonly string[]): Promise<Answer> {
  const stores = group.filter((store): store is EmbeddedStore => typeof store !== 'string')
  const missing = group.filter((store): store is string => typeof store === 'string')
  const byName = new Map(stores.map((store) => [store.name, store]))
  const names = [...byName.keys()]
  const rows: Row[] = []
  for (const work of works) {
    const reports = await rounds(names, (name) => byName.get(name)!.measure(work))
    for (const { thing, what } of THINGS) {
      const found = new Map([...reports].map(([name, each]) => [name, each.flatMap((report) => report[thing] ?? [])]))
      if ([...found.values()].every((values) => values.length === 0)) continue
      const row = besideBest(`${what}, ${work.keys.toLocaleString('en')} keys`, found, 'more', perSecond)
      tell(row)
      rows.push(row)
    }
  }
  return {
    title,
    rivals: names.slice(1),
    commandLines: [],
    rows,
    notes: [
      ...notes,
      ...(missing.length === 0
        ? []
        : [`Not installed, so left out: ${missing.join(', ')}. (npm packages: npm --prefix bench/rivals install.)`]),
    ],
  }
}

export const embedded: Question = { name: 'embedded', ask }
