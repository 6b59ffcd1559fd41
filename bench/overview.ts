// A summary of the tables, by a reader's purpose: a few of their rows, and a paragraph that first
// names the places where we are behind. README.md shows four of the rows.

import { type PageRow, pageRows } from './page-rows.ts'

/** Rows of a table that belong to an answer. */
interface Pick {
  /** How the table's title begins. */
  table: string
  row: RegExp
  /** Whether more or less of it is better. */
  better: 'more' | 'less'
  /** It is compared with the best of those; undefined: of all. */
  beside?: RegExp
  /** Stands behind the row's own words. */
  as?: string
  /** Its name in README.md; undefined: it is not shown there. */
  short?: string
}

interface Overview {
  title: string
  picks: readonly Pick[]
  /** Facts that the figures do not show. */
  about: string
}

/** The title of the part of the page that is made here. */
export const OVERVIEW_TITLE = 'By question'

const CACHE = { table: 'As a cache: requests', better: 'more' } as const
const CACHE_COST = { table: 'As a cache: server time', better: 'less', as: ', server time a request' } as const
const MEMORY_STORE = { table: 'In a program: stores in memory', better: 'more' } as const
const FOLDER_STORE = { table: 'In a program: stores in a folder', better: 'more' } as const
const DURABLE_STORE = { table: 'In a program: each change', better: 'more' } as const
const NPM = /^(lmdb|better-sqlite3) /
const OF_C = /\(C\)$/
const COMPARED_KEYS = '100,000 keys'
const kept = (syncing: string): RegExp => new RegExp(`^published, kept .*; ${syncing}$`)

const OVERVIEWS: readonly Overview[] = [
  {
    title: 'As a cache',
    picks: [
      { ...CACHE, row: /^set, 50 clients, P=1$/ },
      { ...CACHE, row: /^get, 50 clients, P=1$/ },
      { ...CACHE, row: /, 50 clients, P=1$/ },
      { ...CACHE, row: /^set, 50 clients, P=16$/ },
      { ...CACHE, row: /^get, 50 clients, P=16$/ },
      { ...CACHE, row: /, 50 clients, P=16$/ },
      { table: 'As a cache: latency', better: 'less', row: /^get, 50 clients, P=1, p99$/ },
      { table: 'As a cache: latency', better: 'less', row: /^(set|get), 50 clients, P=1, p(50|99)$/ },
      { ...CACHE_COST, row: /^get, 50 clients, P=1$/ },
      { ...CACHE_COST, row: /^(set|get), 50 clients, P=(1|16)$/ },
      { table: 'As a cache: memory', better: 'less', row: /^bytes of RSS/ },
    ],
    about:
      'Memcached answers from four threads, and knows nothing but values. Commands here run on one thread. So on a machine with more cores than this one, one process of memcached goes further. It keeps nothing when it ends.',
  },
  {
    title: 'In a program',
    picks: [
      { ...MEMORY_STORE, row: new RegExp(`^(set|get), ${COMPARED_KEYS}$`), beside: /^Map$/, as: ', in memory' },
      {
        ...MEMORY_STORE,
        row: new RegExp(`^set, ${COMPARED_KEYS}$`),
        beside: /^ioredis-mock/,
        as: ', in memory',
        short: 'keys set in a program, in memory',
      },
      { ...MEMORY_STORE, row: new RegExp(`^get, ${COMPARED_KEYS}$`), beside: /^ioredis-mock/, as: ', in memory' },
      ...(['npm', 'C'] as const).flatMap((from): Pick[] => [
        {
          ...FOLDER_STORE,
          row: new RegExp(`^(set|get|delete|keys and values visited|.*at a time), ${COMPARED_KEYS}$`),
          beside: from === 'npm' ? NPM : OF_C,
          as: `, in a folder, beside the best ${from === 'npm' ? 'of npm' : 'library of C'}`,
        },
      ]),
    ],
    about:
      'A call goes through a command, its checks and a promise. A Map and a library of C have none of these. This is the cost of the language and of the protocol; reads of one key at a time show it most. The gain is types, expiry, subscribers, and the same data over a socket. Data larger than memory is for the others.',
  },
  {
    title: 'As a queue',
    picks: [
      {
        table: 'As a queue',
        better: 'more',
        row: kept('synced every second'),
        beside: /^nats/,
        short: 'messages published and kept, synced every second',
      },
      { table: 'As a queue', better: 'more', row: kept('synced before.*'), beside: /^nats/ },
      {
        table: 'As a queue',
        better: 'more',
        row: kept('synced before.*'),
        beside: /^rabbitmq/,
        short: 'messages published and kept, each synced before it is acknowledged',
      },
      { table: 'BullMQ', better: 'more', row: /^jobs added singly, 64 in flight$/ },
      { table: 'BullMQ', better: 'more', row: /^jobs processed, concurrency 100$/ },
      { table: 'BullMQ', better: 'more', row: /^jobs [^:]*$/ },
      { table: 'BullMQ', better: 'less', row: /server time a job$/ },
      { table: 'BullMQ', better: 'less', row: /^job latency/ },
      { table: 'Structures', better: 'more', row: /^XREADGROUP/ },
    ],
    about:
      'Kept messages are measured with one connection that has 256 messages in flight. RabbitMQ and NATS hand messages out, redeliver and spread them over several machines in ways of their own, which is not measured here.',
  },
  {
    title: 'As a bus',
    picks: [
      { table: 'As a bus: messages', better: 'more', row: /^published/ },
      { table: 'As a bus: messages', better: 'more', row: /by 1 subscriber$/ },
      { table: 'As a bus: messages', better: 'more', row: /by 100 /, short: 'messages delivered to 100 subscribers' },
      { table: 'As a bus: messages', better: 'more', row: /./ },
      { table: 'As a bus: server time', better: 'less', row: /./, as: ', server time a message' },
      { table: 'Publish and subscribe', better: 'more', row: /^PUBLISH, .* patterns/, as: ', beside redis-server' },
      { table: 'Channels and schedules', better: 'more', row: /XADD and XREAD/ },
      { table: 'What falls due', better: 'less', row: /^`expired`.*the latest$/ },
      { table: 'What falls due', better: 'less', row: /the latest$/ },
      { table: 'What falls due', better: 'less', row: /p99$/ },
    ],
    about:
      'The publisher and all subscribers share a process beside the server, so with many subscribers they take as much of the machine as the server. NATS spreads its work over all cores, and a cluster of it over machines.',
  },
  {
    title: 'What it costs to be durable',
    picks: [
      { table: 'Durability', better: 'more', row: /^LPUSH.* 50 clients, P=1$/ },
      { table: 'Durability', better: 'more', row: /^LPUSH.* 50 clients, P=16$/ },
      { table: 'Durability', better: 'more', row: /^(LPUSH|SET).* clients, P=\d+$/ },
      { table: 'Durability', better: 'less', row: /^GET of another client during/, as: ', beside redis-server' },
      {
        ...DURABLE_STORE,
        row: /^set/,
        beside: NPM,
        as: ', each on disk, beside the best of npm',
      },
      { ...DURABLE_STORE, row: /^set/, beside: OF_C, as: ', each on disk, beside the best library of C' },
      { table: 'As a queue', better: 'more', row: kept('synced before.*') },
    ],
    about:
      'Each change that is synced by itself waits for the disk, here and elsewhere, so the disk decides; what many wait for together is synced together. docs/durability.md says what each setting survives.',
  },
]

/** Less than this apart is no difference. */
const LEVEL = 0.03

interface Compared {
  what: string
  short: string | undefined
  respite: string
  best: string
  who: string
  /** Ours to theirs. */
  ratio: number
  verdict: 'behind' | 'level' | 'ahead'
}

/** Renders the overview of a page's sections. */
export function renderOverview(sections: ReadonlyMap<string, readonly string[]>): string[] {
  const parts = OVERVIEWS.flatMap(({ title, picks, about }) => {
    const rows = compare(sections, picks)
    if (rows.length === 0) return []
    return [
      '',
      `### ${title}`,
      '',
      `${standing(rows)} ${about}`,
      ...behindIn(rows),
      '',
      '| what | respite | the best beside it | which is | ours to theirs |',
      '|---|--:|--:|---|--:|',
      ...rows.map(
        ({ what, respite, best, who, ratio }) => `| ${what} | ${respite} | ${best} | ${who} | ${ratio.toFixed(2)} × |`,
      ),
    ]
  })
  return [
    `## ${OVERVIEW_TITLE}`,
    '',
    'A few rows of the tables below. Where less is better (time, memory) a ratio below one is a good one.',
    ...parts,
  ]
}

/** Renders the figures of README.md: a line for each row that has a name there. */
export function renderShort(sections: ReadonlyMap<string, readonly string[]>): string[] {
  const rows = OVERVIEWS.flatMap(({ picks }) => compare(sections, picks))
  const lines = rows.flatMap(({ ratio, short, who }) =>
    short === undefined ? [] : [`- ${short}: ${ratio.toFixed(2)} × ${who}`],
  )
  return ['', ...lines, '']
}

function compare(sections: ReadonlyMap<string, readonly string[]>, picks: readonly Pick[]): Compared[] {
  const found = new Map<string, Compared>()
  for (const pick of picks) {
    const title = [...sections.keys()].find((name) => name.startsWith(pick.table))
    if (title === undefined) continue
    for (const row of pageRows(sections.get(title)!)) {
      if (!pick.row.test(row.what)) continue
      const compared = compareRow(row, pick)
      // A rival that was picked is not picked again by a wider pattern.
      if (compared !== undefined && !found.has(`${compared.what} ${pick.beside}`)) {
        found.set(`${compared.what} ${pick.beside}`, compared)
      }
    }
  }
  return [...found.values()]
}

/**
 * Compares a row with the best of the rivals that are meant; undefined: none of them has a figure.
 */
function compareRow(row: PageRow, { better, beside, as = '', short }: Pick): Compared | undefined {
  const ours = amountOf(row.respite)
  const sign = better === 'more' ? -1 : 1
  const [best] = [...row.rivals]
    .filter(([name, shown]) => (beside === undefined || beside.test(name)) && amountOf(shown) !== undefined)
    .sort(([, a], [, b]) => sign * (amountOf(a)! - amountOf(b)!))
  if (ours === undefined || best === undefined) return undefined
  const [who, shown] = best
  // The figure of the row, where it is about the same two: it is the median of rounds, not the
  // ratio of medians.
  const told = /^([\d.]+) ×(?: (.*))?$/.exec(row.figure)
  const isTold = told !== null && (told[2] === undefined ? row.rivals.size === 1 : told[2] === who)
  const ratio = isTold ? Number(told[1]) : ours / amountOf(shown)!
  const gain = better === 'more' ? ratio - 1 : 1 - ratio
  return {
    what: row.what + as,
    short,
    respite: row.respite,
    best: shown,
    who,
    ratio,
    verdict: gain < -LEVEL ? 'behind' : gain > LEVEL ? 'ahead' : 'level',
  }
}

const UNITS: Readonly<Record<string, number>> = {
  'M/s': 1e6,
  'k/s': 1e3,
  '/s': 1,
  s: 1e6,
  ms: 1e3,
  µs: 1,
  B: 1,
  KiB: 1024,
}

/** The number of a cell, in the smallest of its kind of unit; undefined: it holds none. */
function amountOf(shown: string): number | undefined {
  const match = /^([\d.]+) ?(\S+)$/.exec(shown)
  const unit = UNITS[match?.[2] ?? '']
  return unit === undefined ? undefined : Number(match![1]) * unit
}

/** Counts the rows in which we are behind, level and ahead. */
function standing(rows: readonly Compared[]): string {
  const behind = rows.filter(({ verdict }) => verdict === 'behind').length
  const level = rows.filter(({ verdict }) => verdict === 'level').length
  const ahead = rows.length - behind - level
  return `**Behind in ${behind} of ${rows.length}**, level (within ${LEVEL * 100} %) in ${level}, ahead in ${ahead}.`
}

/** Lists the rows in which we are behind; the table has the rest. */
function behindIn(rows: readonly Compared[]): string[] {
  const behind = rows.filter(({ verdict }) => verdict === 'behind')
  if (behind.length === 0) return []
  return ['', 'Behind:', '', ...behind.map(({ what, ratio, who }) => `- ${what} (${ratio.toFixed(2)} × ${who})`)]
}
