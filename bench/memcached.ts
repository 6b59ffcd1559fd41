// As a cache: how fast is it beside memcached, what does a request cost the server, and an item in
// memory?
//
// One load generator speaks all three protocols (rivals/load.c), so its own cost is the same for
// each; redis-benchmark knows only one of them.

import { compiled, run } from './c-program.ts'
import { rounds } from './pairs.ts'
import {
  type Answer,
  besideBest,
  type Found,
  perSecond,
  type Question,
  type Row,
  type Scale,
  tell,
} from './question.ts'
import { installed, missingNote, startOther } from './rival-servers.ts'
import { processorSeconds, residentBytes, startServer } from './servers.ts'

type Contestant = 'respite' | 'memcached, text' | 'memcached, meta'
const CONTESTANTS: readonly Contestant[] = ['respite', 'memcached, text', 'memcached, meta']
/** memcached's protocols are spoken to one server; its memory is measured once. */
const SERVERS = ['respite', 'memcached'] as const

const KEYS = 100_000
const VALUE_BYTES = 64
const VALUE = 'v'.repeat(VALUE_BYTES)
const ITEMS = 1_000_000
/** Time for memory that is no longer needed to be given back, before it is counted. */
const SETTLE_MS = 2000

const [ANY, NEXT, SAME] = ['@', '%', '#'].map((letter) => letter.repeat(12))
const KEY = `key:${ANY}`
const TEN_KEYS = Array.from({ length: 10 }, () => KEY)

/**
 * One thing that a cache is asked to do, as each protocol says it, and how many replies that has.
 */
interface Asked {
  readonly name: string
  readonly respite: string
  readonly text: string
  readonly meta: string
  readonly replies?: number
  /** Replies of the meta protocol, where each key is asked for by itself. */
  readonly metaReplies?: number
  /** The value that each key has before. */
  readonly filled: string
}

const lines = (...words: string[]): string => words.map((word) => `${word}\r\n`).join('')
const resp = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => lines(`$${word.length}`, word)).join('')}`

const stored = (key: string, value = VALUE): Pick<Asked, 'respite' | 'text' | 'meta'> => ({
  respite: resp('SET', key, value),
  text: lines(`set ${key} 0 0 ${value.length}`, value),
  meta: lines(`ms ${key} ${value.length}`, value),
})

const COMMANDS: readonly Asked[] = [
  { name: 'set', ...stored(KEY), filled: VALUE },
  { name: 'get', respite: resp('GET', KEY), text: lines(`get ${KEY}`), meta: lines(`mg ${KEY} v`), filled: VALUE },
  {
    name: 'get of 10 keys',
    respite: resp('MGET', ...TEN_KEYS),
    text: lines(`get ${TEN_KEYS.join(' ')}`),
    meta: lines(...TEN_KEYS.map((key) => `mg ${key} v`)),
    metaReplies: 10,
    filled: VALUE,
  },
  { name: 'incr', respite: resp('INCR', KEY), text: lines(`incr ${KEY} 1`), meta: lines(`ma ${KEY}`), filled: '1000' },
  {
    name: 'append of 8 bytes',
    respite: resp('APPEND', KEY, '12345678'),
    text: lines(`append ${KEY} 0 0 8`, '12345678'),
    meta: lines(`ms ${KEY} 8 MA`, '12345678'),
    filled: VALUE,
  },
  {
    name: 'set and delete',
    respite: stored(`key:${NEXT}`).respite + resp('DEL', `key:${SAME}`),
    text: stored(`key:${NEXT}`).text + lines(`delete key:${SAME}`),
    meta: stored(`key:${NEXT}`).meta + lines(`md key:${SAME}`),
    replies: 2,
    filled: VALUE,
  },
  {
    name: 'touch',
    respite: resp('EXPIRE', KEY, '10000'),
    text: lines(`touch ${KEY} 10000`),
    meta: lines(`mg ${KEY} T10000`),
    filled: VALUE,
  },
]

/** Everything is asked with so many clients; with more or fewer only what caches are asked most. */
const CLIENTS = 50
const OTHER_CLIENTS = [1, 10, 100]
const OFTEN = ['set', 'get']
const DEPTHS = [1, 16]

interface Load {
  perSecond: number
  p50Ms: number
  p99Ms: number
  replies: number
}

interface Measured extends Load {
  /** Microseconds of the server's processor a request. */
  micros: number
}

interface Target {
  port: number
  worked(): number
}

async function ask(scale: Scale): Promise<readonly Answer[]> {
  const program = compiled(['load.c'])
  const [memcached] = installed('memcached')
  if (program === undefined || memcached === undefined) return [leftOut(program === undefined)]

  const ours = await startServer('respite')
  const theirs = await startOther(memcached)
  const shown = (name: string): string => name.replace('memcached', memcached.name)
  const target = (contestant: Contestant): Target =>
    contestant === 'respite' ? { port: ours.port, worked: () => processorSeconds(ours.pid) } : theirs
  const tables: Record<'speed' | 'latency' | 'cost', Row[]> = { speed: [], latency: [], cost: [] }
  try {
    for (const { asked, clients, depth } of runs()) {
      for (const contestant of ['respite', 'memcached, text'] as const) {
        await fill(program, contestant, target(contestant).port, asked.filled)
      }
      const found = await rounds(CONTESTANTS, (contestant) =>
        measure(program, contestant, target(contestant), asked, clients, depth, scale),
      )
      const of = (key: keyof Measured): Found<string> =>
        new Map([...found].map(([name, values]) => [shown(name), values.map((value) => value[key])]))
      const what = `${asked.name}, ${clients} client${clients === 1 ? '' : 's'}, P=${depth}`
      const speed = besideBest(what, of('perSecond'), 'more', perSecond)
      tell(speed)
      tables.speed.push(speed)
      tables.latency.push(
        besideBest(`${what}, p50`, of('p50Ms'), 'less', ms),
        besideBest(`${what}, p99`, of('p99Ms'), 'less', ms),
      )
      tables.cost.push(besideBest(what, of('micros'), 'less', (micros) => `${micros.toFixed(2)} µs`))
    }
  } finally {
    await ours.stop()
    await theirs.stop()
  }
  const bytes = await rounds(SERVERS, (name) => bytesAnItem(name, program, scale))
  const memory = besideBest(
    `bytes of RSS an item (16 B keys, ${VALUE_BYTES} B values, ${itemsOf(scale).toLocaleString('en')} of them)`,
    new Map([...bytes].map(([name, values]) => [shown(name), values])),
    'less',
    (value) => `${value.toFixed(1)} B`,
  )
  tell(memory)
  const rivals = CONTESTANTS.slice(1).map(shown)
  const about = { rivals, commandLines: [] }
  return [
    {
      title: 'As a cache: requests per second beside memcached',
      rivals,
      commandLines: [ours.commandLine, theirs.commandLine],
      rows: tables.speed,
      notes: [
        `${memcached.name}, with its four threads. ${KEYS.toLocaleString('en')} keys of 16 bytes, drawn at random, all of them there; values of ${VALUE_BYTES} bytes. P: requests that a client sends before it waits. Both keep everything in memory and nothing on disk.`,
        'A request for ten keys is one; of the meta protocol it is ten lines. "set and delete" counts as two. "touch" gives a key a new time to live.',
        'The figure compares with the faster of the two protocols. The load generator (bench/rivals/load.c) is one program for all of them, on the same cores as the server.',
      ],
    },
    {
      ...about,
      title: 'As a cache: latency beside memcached',
      rows: tables.latency,
      notes: ['Of the same runs. With P=16 a request waits for the other fifteen too. Below one is better.'],
    },
    {
      ...about,
      title: 'As a cache: server time a request beside memcached',
      rows: tables.cost,
      notes: ['Of the same runs: user and system time of the server, all threads together. Below one is better.'],
    },
    {
      ...about,
      title: 'As a cache: memory beside memcached',
      rivals: [memcached.name],
      rows: [memory],
      notes: ['RSS is VmRSS of /proc, after filling less before. Below one is better.'],
    },
  ]
}

function leftOut(hasNoCompiler: boolean): Answer {
  return {
    title: 'As a cache: requests per second beside memcached',
    rivals: CONTESTANTS.slice(1),
    commandLines: [],
    rows: [],
    notes: hasNoCompiler
      ? ['Left out: there is no C compiler (cc) for the load generator.']
      : missingNote(['memcached']),
  }
}

function* runs(): Generator<{ asked: Asked; clients: number; depth: number }> {
  for (const depth of DEPTHS) {
    for (const asked of COMMANDS) yield { asked, clients: CLIENTS, depth }
    for (const asked of COMMANDS.filter(({ name }) => OFTEN.includes(name))) {
      for (const clients of OTHER_CLIENTS) yield { asked, clients, depth }
    }
  }
}

const ms = (value: number): string => `${value.toFixed(2)} ms`

async function measure(
  program: string,
  contestant: Contestant,
  { port, worked }: Target,
  { respite, text, meta, replies = 1, metaReplies = replies }: Asked,
  clients: number,
  depth: number,
  { seconds }: Scale,
): Promise<Measured> {
  const request = { respite, 'memcached, text': text, 'memcached, meta': meta }[contestant]
  const repliesEach = contestant === 'memcached, meta' ? metaReplies : replies
  const words = [port, clients, depth, KEYS, 'milliseconds', Math.round(seconds * 1000)].map(String)
  const protocol = contestant === 'respite' ? 'redis' : 'memcached'
  const before = worked()
  const load = await run<Load>(program, ...words, protocol, String(repliesEach), request)
  // Ten lines of the meta protocol are one request of the others.
  const times = repliesEach / replies
  return {
    ...load,
    perSecond: load.perSecond / times,
    micros: ((worked() - before) * 1e6 * times) / load.replies,
  }
}

async function fill(
  program: string,
  contestant: 'respite' | 'memcached, text',
  port: number,
  value: string,
): Promise<void> {
  const { respite, text } = stored(`key:${NEXT}`, value)
  const [protocol, request] = contestant === 'respite' ? ['redis', respite] : ['memcached', text]
  const words = [port, 4, 64, KEYS, 'requests', KEYS].map(String)
  await run(program, ...words, protocol, '1', request)
}

const itemsOf = ({ quick }: Scale): number => (quick ? KEYS : ITEMS)

async function bytesAnItem(name: (typeof SERVERS)[number], program: string, scale: Scale): Promise<number> {
  const server = name === 'respite' ? await startServer('respite') : await startOther(installed('memcached')[0]!)
  const items = itemsOf(scale)
  try {
    const before = residentBytes(server.pid)
    const { respite, text } = stored(`key:${NEXT}`)
    const [protocol, request] = name === 'respite' ? ['redis', respite] : ['memcached', text]
    await run(program, ...[server.port, 4, 64, items, 'requests', items].map(String), protocol, '1', request)
    await new Promise((resolve) => setTimeout(resolve, scale.quick ? 1 : SETTLE_MS))
    return (residentBytes(server.pid) - before) / items
  } finally {
    await server.stop()
  }
}

export const memcached: Question = { name: 'memcached', ask }
