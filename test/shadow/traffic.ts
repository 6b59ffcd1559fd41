// Random commands from a seed: all types in small and large forms, as they are, in MULTI and in scripts.
//
// Commands come in lanes. A lane's keys are its own, so lanes are sent at the same time over connections of their own, and
// replies do not depend on which arrives first. Names of keys say what usually lies under them; now and then a command
// goes to a key of another type.
//
// Contents are cut out of a stock of random bytes at a random place: no two values are alike, so bytes of another
// value in the place of one's own are seen.

import { Random } from '../../src/util/numbers/random.ts'
import { FAMILIES } from '../differential/families.ts'
import { chance, pick } from '../differential/values.ts'
import { BRIEF } from './values.ts'

/** A command, the keys it touches, and how its replies are compared: to the byte, as a set, or by their type alone. */
export interface Asked {
  readonly words: string[]
  readonly keys: readonly string[]
  readonly reply?: 'members' | 'type'
  /** Another database whose keys of these names it touches, too. */
  readonly elsewhere?: number
}

/** Commands that are sent together. */
export interface Unit {
  readonly form: 'plain' | 'transaction' | 'script'
  readonly database: number
  readonly commands: readonly Asked[]
}

export const SCRIPT = `
local replies, i = {}, 1
while i <= #ARGV do
  local count = tonumber(ARGV[i])
  replies[#replies + 1] = redis.pcall(unpack(ARGV, i + 1, i + count))
  i = i + count + 1
end
return replies`

/** The requests of a unit; `shift` is added to the number of its database. */
export function requestsOf(unit: Unit, shift = 0): string[][] {
  const select = ['SELECT', String(unit.database + shift)]
  const commands = unit.commands.map(({ words }) => words)
  if (unit.form === 'plain') return [select, ...commands]
  if (unit.form === 'transaction') return [select, ['MULTI'], ...commands, ['EXEC']]
  const keys = [...new Set(unit.commands.flatMap((command) => command.keys))]
  const words = commands.flatMap((command) => [String(command.length), ...command])
  return [select, ['EVAL', SCRIPT, String(keys.length), ...keys, ...words]]
}

const STOCK_BYTES = 4 * 1024 * 1024
/** A script passes so many words to a command. */
const SCRIPT_WORDS_MAX = 2000
/** What lies in a large value: names of fields and members are drawn from so many. */
const NAMES = 2500
/** Far from every run of this program; every expiry is a point in time, so that it is equal on both sides. */
const FAR_MS = 4_102_444_800_000

export const KINDS = ['string', 'number', 'bitmap', 'hyperloglog', 'list', 'hash', 'set', 'whole', 'zset', 'geo', 'stream', 'wild'] as const // biome-ignore format: a list
type Kind = (typeof KINDS)[number]

/** How many strings a command writes that are removed again. */
const FILLER_KEYS = 40
/** How many keys of each kind a lane has in each form. */
const SMALL_KEYS = 6
const LARGE_KEYS = 3

export interface TrafficOptions {
  /** What the keys of each lane begin with. */
  readonly prefixes: readonly string[]
  readonly databases: readonly number[]
  /** The commands that may be sent; all when not given. */
  readonly only?: ReadonlySet<string>
  /** Whether fields of hashes get times of their own. */
  readonly fieldExpiries?: boolean
}

export class Traffic {
  readonly #random: Random
  readonly #options: TrafficOptions
  readonly #stock: string
  /** Strings that are there to be removed, by lane. */
  readonly #filler: Map<number, { database: number; keys: string[] }>
  #count = 0

  constructor(seed: number, options: TrafficOptions) {
    const random = new Random(seed)
    this.#random = random
    this.#options = options
    const stock = Buffer.alloc(STOCK_BYTES)
    for (let i = 0; i < STOCK_BYTES; i += 4) stock.writeUInt32LE(random.uint32(), i)
    this.#stock = stock.toString('latin1')
    this.#filler = new Map(options.prefixes.map((_, lane) => [lane, { database: 0, keys: [] }]))
  }

  /** Makes some units for a lane. */
  units(lane: number, count: number): Unit[] {
    return Array.from({ length: count }, () => this.#unit(lane))
  }

  /** Strings of one database beside which other values come to lie; they are removed by `clearing`. */
  filler(lane: number, database: number, bytes: number): Unit[] {
    const filler = this.#filler.get(lane)!
    const commands: Asked[] = []
    if (filler.database !== database) filler.keys = []
    filler.database = database
    for (let sent = 0; sent < bytes; ) {
      const words = ['MSET']
      for (let i = 0; i < FILLER_KEYS; i++) {
        const key = `${this.#options.prefixes[lane]}:filler:${this.#count++}`
        const value = this.#bytes(60 + this.#random.below(1400))
        sent += value.length
        filler.keys.push(key)
        words.push(key, value)
      }
      commands.push({ words, keys: [] })
    }
    return [{ form: 'plain', database, commands }]
  }

  /** Removes nearly all filler of a lane, in another order than it came. */
  clearing(lane: number): Unit[] {
    const random = this.#random
    const filler = this.#filler.get(lane)!
    const gone = filler.keys.filter(() => !chance(random, 2))
    for (let i = gone.length - 1; i > 0; i--) {
      const j = random.below(i + 1)
      ;[gone[i], gone[j]] = [gone[j]!, gone[i]!]
    }
    filler.keys = []
    const commands: Asked[] = []
    while (gone.length > 0)
      commands.push({ words: [pick(random, ['DEL', 'UNLINK']), ...gone.splice(0, 100)], keys: [] })
    return [{ form: 'plain', database: filler.database, commands }]
  }

  /** Everything has been removed by other means. */
  forgetFiller(): void {
    for (const filler of this.#filler.values()) filler.keys = []
  }

  #unit(lane: number): Unit {
    const random = this.#random
    const [first, ...others] = this.#options.databases
    const database = others.length === 0 || chance(random, 75) ? first! : pick(random, others)
    const roll = random.below(100)
    const form = roll < 70 ? 'plain' : roll < 85 ? 'transaction' : 'script'
    const commands: Asked[] = []
    const count = form === 'plain' ? 1 : 1 + random.below(6)
    while (commands.length < count) {
      for (const asked of this.#commands(lane, database)) {
        if (form !== 'script' || asked.words.length <= SCRIPT_WORDS_MAX) commands.push(asked)
      }
    }
    return { form, database, commands }
  }

  /** One command and what belongs behind it; one that may not be sent is made anew. */
  #commands(lane: number, database: number): Asked[] {
    const { only } = this.#options
    while (true) {
      const kind = pick(this.#random, KINDS)
      const made = chance(this.#random, 20) ? this.#general(lane, database, kind) : this.#ofKind(lane, kind)
      if (made.length > 0 && (only === undefined || made.every(({ words }) => only.has(commandName(words)))))
        return made
    }
  }

  #key(lane: number, kind: Kind): string {
    const random = this.#random
    // 7.2.6 still merges a HyperLogLog that has bytes behind its registers, as APPEND leaves it; later corrections refuse it.
    const other = kind !== 'hyperloglog' && chance(random, 3) ? pick(random, KINDS) : kind
    const of = other === 'hyperloglog' ? kind : other
    const large = of !== 'wild' && of !== 'number' && chance(random, 35)
    const number = large ? `large${random.below(LARGE_KEYS)}` : random.below(SMALL_KEYS)
    return `${this.#options.prefixes[lane]}:${of}:${number}`
  }

  #bytes(length: number): string {
    const at = this.#random.below(STOCK_BYTES - length)
    return this.#stock.slice(at, at + length)
  }

  /** A value of some size from a byte to, rarely, some MiB. */
  #value(long: boolean): string {
    const random = this.#random
    const roll = random.below(1000)
    if (long && roll < 6) return this.#bytes(70_000 + random.below(3_000_000))
    if (long && roll < 25) return this.#bytes(4_000 + random.below(100_000))
    if (roll < 60) return this.#bytes(400 + random.below(3_000))
    if (roll < 400) return this.#bytes(60 + random.below(300))
    if (roll < 470) return String(random.below(2_000_000) - 1_000_000)
    return this.#bytes(1 + random.below(40))
  }

  #name(key: string): string {
    const random = this.#random
    if (!key.includes('large')) return `n${random.below(40)}`
    const n = random.below(NAMES)
    return n % 7 === 0 ? `name ${n} ${this.#stock.slice(n, n + (n % 300))}` : `n${n}`
  }

  /** How many elements a command adds. */
  #many(key: string): number {
    const random = this.#random
    if (key.includes('large')) return chance(random, 50) ? 1 + random.below(250) : 1 + random.below(10)
    return 1 + random.below(4)
  }

  #some<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make)
  }

  // ── by type ───────────────────────────────────────────────────────────────

  #ofKind(lane: number, kind: Kind): Asked[] {
    const key = this.#key(lane, kind)
    const other = (): string => this.#key(lane, kind)
    switch (kind) {
      case 'string':
        return this.#string(key, other())
      case 'number':
        return [plain(pick(this.#random, ['INCRBY', 'DECRBY']), key, String(this.#random.below(1000)))]
      case 'bitmap':
        return this.#fromFamily('bitmap', ['bitcount', 'bitfield', 'bitfield', 'bitop', 'bitpos', 'getbit', 'setbit', 'setbit'], other) // biome-ignore format: one line
      case 'hyperloglog':
        return this.#fromFamily('hyperloglog', ['pfadd', 'pfadd', 'pfadd', 'pfcount', 'pfmerge'], other)
      case 'geo':
        return this.#fromFamily('geo', ['geoadd', 'geoadd', 'geodist', 'geopos', 'geohash', 'geosearch', 'geosearchstore', 'georadius'], other) // biome-ignore format: one line
      case 'wild':
        return this.#fromFamily('stream', ['xadd', 'xadd', 'xadd', 'xadd', 'xtrim', 'xdel', 'xrange', 'xrevrange', 'xreadgroup', 'xreadgroup', 'xack', 'xclaim', 'xautoclaim', 'xsetid', 'xgroup|create', 'xgroup|create', 'xgroup|setid', 'xgroup|delconsumer', 'xgroup|destroy'], other) // biome-ignore format: one line
      case 'list':
        return this.#list(key, other())
      case 'hash':
        return this.#hash(key)
      case 'set':
      case 'whole':
        return this.#set(kind, key, other(), other())
      case 'zset':
        return this.#sortedSet(key, other(), other())
      case 'stream':
        return this.#stream(key)
    }
  }

  /** What the differential tests make of a group of commands: few elements and odd arguments. */
  #fromFamily(group: string, names: readonly string[], key: () => string): Asked[] {
    if (this.#options.only !== undefined) return []
    const family = FAMILIES[group]!
    const keys: string[] = []
    const drawKey = (): string => {
      keys.push(key())
      return keys.at(-1)!
    }
    const words = family.make(this.#random, pick(this.#random, names), drawKey)
    if (words === undefined || words.some((word) => /^block$/i.test(word))) return []
    family.tame?.(words)
    const follow = family.follow?.(words) ?? []
    return [words, ...follow].map((command) => ({ words: command, keys }))
  }

  #string(key: string, other: string): Asked[] {
    const random = this.#random
    const large = key.includes('large')
    const offset = random.below(large ? 100_000 : 200)
    return pick<() => Asked[]>(random, [
      () => [plain('SET', key, this.#value(large))],
      () => [plain('SET', key, this.#value(large))],
      () => [plain('SET', key, this.#value(false), 'PXAT', this.#farMs())],
      () => [plain('APPEND', key, this.#value(large))],
      () => [plain('SETRANGE', key, String(offset), this.#value(false))],
      () => [plain('GETRANGE', key, String(offset), String(offset + random.below(500)))],
      () => [plain('GET', key)],
      () => [plain('STRLEN', key)],
      () => [plain('GETDEL', key)],
      () => [{ words: ['MSET', key, this.#value(large), other, this.#value(false)], keys: [key, other] }],
      () => [plain('GETSET', key, this.#value(false))],
    ])()
  }

  #list(key: string, other: string): Asked[] {
    const random = this.#random
    const large = key.includes('large')
    const index = String(random.below(large ? 1500 : 8) - (large ? 300 : 3))
    const end = (): string => pick(random, ['LEFT', 'RIGHT'])
    const push = (): Asked[] => [
      plain(pick(random, ['LPUSH', 'RPUSH']), key, ...this.#some(this.#many(key), () => this.#element(large))),
    ]
    return pick<() => Asked[]>(random, [
      push,
      push,
      push,
      () => [plain(pick(random, ['LPOP', 'RPOP']), key, String(1 + random.below(large ? 100 : 3)))],
      () => [plain('LSET', key, index, this.#element(large))],
      () => [plain('LINSERT', key, pick(random, ['BEFORE', 'AFTER']), `e${random.below(30)}`, this.#element(false))],
      () => [plain('LREM', key, String(random.below(5) - 2), `e${random.below(30)}`)],
      () => [plain('LTRIM', key, String(random.below(3)), String(large ? 1000 + random.below(600) : 20))],
      () => [plain('LRANGE', key, index, String(Number(index) + random.below(50)))],
      () => [plain('LLEN', key)],
      () => [{ words: ['LMOVE', key, other, end(), end()], keys: [key, other] }],
      () => [plain('LPOS', key, `e${random.below(30)}`, 'COUNT', '0')],
      () => [{ words: ['LMPOP', '2', key, other, end(), 'COUNT', '3'], keys: [key, other] }],
    ])()
  }

  /** A few are alike, so that LREM and LINSERT find something. */
  #element(long: boolean): string {
    return chance(this.#random, 15) ? `e${this.#random.below(30)}` : this.#value(long)
  }

  #hash(key: string): Asked[] {
    const random = this.#random
    const large = key.includes('large')
    const set = (): Asked[] => [
      plain('HSET', key, ...this.#some(this.#many(key), () => [this.#name(key), this.#value(large && chance(random, 3))]).flat()), // biome-ignore format: one line
    ]
    const names = (): string[] => this.#some(1 + random.below(large ? 60 : 3), () => this.#name(key))
    const fieldExpiry = (): Asked[] => {
      if (this.#options.fieldExpiries !== true) return set()
      const fields = [...new Set(names())]
      return [plain('HPEXPIREAT', key, this.#farMs(), 'FIELDS', String(fields.length), ...fields)]
    }
    return pick<() => Asked[]>(random, [
      set,
      set,
      set,
      () => [plain('HDEL', key, ...names())],
      () => [plain('HGET', key, this.#name(key))],
      () => [plain('HMGET', key, ...names())],
      () => [{ ...plain('HGETALL', key), reply: 'members' }],
      () => [plain('HLEN', key)],
      () => [plain('HINCRBY', key, `count${random.below(20)}`, String(random.below(1000)))],
      () => [plain('HSETNX', key, this.#name(key), this.#value(false))],
      () => [plain('HSTRLEN', key, this.#name(key))],
      fieldExpiry,
    ])()
  }

  #set(kind: 'set' | 'whole', key: string, one: string, two: string): Asked[] {
    const random = this.#random
    const member = (): string => (kind === 'whole' ? String(random.below(3000) * 7 - 500) : this.#name(key))
    const members = (): string[] => this.#some(this.#many(key), member)
    const keys = [key, one, two]
    return pick<() => Asked[]>(random, [
      () => [plain('SADD', key, ...members())],
      () => [plain('SADD', key, ...members())],
      () => [plain('SADD', key, ...members())],
      () => [plain('SREM', key, ...members())],
      () => [plain('SISMEMBER', key, member())],
      () => [plain('SCARD', key)],
      () => [{ ...plain('SMEMBERS', key), reply: 'members' }],
      () => [{ words: ['SMOVE', key, one, member()], keys }],
      () => [{ words: [pick(random, ['SUNIONSTORE', 'SINTERSTORE', 'SDIFFSTORE']), ...keys], keys }],
      () => [plain('SMISMEMBER', key, ...members())],
      () => [{ words: ['SINTERCARD', '2', key, one], keys }],
      () => [{ words: ['SORT', key, 'ALPHA', 'STORE', key.replace(kind, 'list')], keys: [key, key.replace(kind, 'list')] }], // biome-ignore format: one line
      () => (chance(random, 10) ? [{ ...plain('SPOP', key, '100000'), reply: 'members' }] : []),
    ])()
  }

  #sortedSet(key: string, one: string, two: string): Asked[] {
    const random = this.#random
    const score = (): string => String(random.below(2000) - 500)
    const keys = [key, one, two]
    const add = (): Asked[] => [
      plain('ZADD', key, ...this.#some(this.#many(key), () => [score(), this.#name(key)]).flat()),
    ]
    const rank = random.below(key.includes('large') ? 2000 : 10)
    return pick<() => Asked[]>(random, [
      add,
      add,
      add,
      () => [plain('ZREM', key, ...this.#some(this.#many(key), () => this.#name(key)))],
      () => [plain('ZINCRBY', key, score(), this.#name(key))],
      () => [plain('ZSCORE', key, this.#name(key))],
      () => [plain('ZCARD', key)],
      () => [plain('ZRANGE', key, String(rank), String(rank + random.below(60)), 'WITHSCORES')],
      () => [{ words: ['ZRANGESTORE', one, key, String(random.below(5)), String(rank)], keys }],
      () => [plain(pick(random, ['ZPOPMIN', 'ZPOPMAX']), key, String(random.below(20)))],
      () => [plain('ZREMRANGEBYRANK', key, String(rank), String(rank + random.below(30)))],
      () => [{ words: ['ZUNIONSTORE', key, '2', one, two], keys }],
      () => [{ words: ['ZINTERSTORE', key, '2', one, two, 'WEIGHTS', '2', '-1'], keys }],
      () => [{ words: ['ZDIFFSTORE', key, '2', one, two], keys }],
      () => [plain('ZADD', key, pick(random, ['GT', 'LT']), 'CH', score(), this.#name(key))],
      () => [plain('ZRANGEBYSCORE', key, score(), score(), 'WITHSCORES', 'LIMIT', '0', '20')],
      () => [plain('ZREMRANGEBYSCORE', key, String(rank), String(rank + random.below(20)))],
      () => [plain('ZRANK', key, this.#name(key))],
    ])()
  }

  #stream(key: string): Asked[] {
    const random = this.#random
    const large = key.includes('large')
    const group = `g${random.below(2)}`
    const consumer = `c${random.below(3)}`
    const entry = (): string[] =>
      this.#some(1 + random.below(6), () => [
        chance(random, 60) ? `f${random.below(4)}` : this.#name(key),
        this.#value(large && chance(random, 3)),
      ]).flat()
    const add = (): Asked[] =>
      this.#some(large ? 1 + random.below(20) : 1, () => plain('XADD', key, `${++this.#count}-${random.below(3)}`, ...entry())) // biome-ignore format: one line
    /** An id of about the last that were given. */
    const recent = (): string => `${Math.max(1, this.#count - random.below(3000))}-0`
    return pick<() => Asked[]>(random, [
      add,
      add,
      add,
      add,
      () => [plain('XADD', key, 'MAXLEN', '=', String(random.below(large ? 800 : 10)), `${++this.#count}-1`, ...entry())], // biome-ignore format: one line
      () => [
        plain(
          'XTRIM',
          key,
          'MAXLEN',
          this.#options.only === undefined ? pick(random, ['=', '~']) : '=',
          String(large ? random.below(800) : 5),
        ),
      ],
      () => [plain('XLEN', key)],
      () => [plain('XRANGE', key, recent(), '+', 'COUNT', '20')],
      () => [plain('XGROUP', 'CREATE', key, group, '0', 'MKSTREAM')],
      () => [plain('XREADGROUP', 'GROUP', group, consumer, 'COUNT', String(1 + random.below(60)), 'STREAMS', key, '>').for(key)], // biome-ignore format: one line
      () => [plain('XREADGROUP', 'GROUP', group, consumer, 'COUNT', String(1 + random.below(60)), 'STREAMS', key, '>').for(key)], // biome-ignore format: one line
      () => [plain('XREADGROUP', 'GROUP', group, consumer, 'COUNT', '10', 'STREAMS', key, '0').for(key)],
      () => [plain('XACK', key, group, ...this.#some(1 + random.below(20), recent))],
      () => [plain('XDEL', key, ...this.#some(1 + random.below(10), recent))],
      () => [plain('XAUTOCLAIM', key, group, consumer, '0', recent(), 'COUNT', '20', 'JUSTID')],
      () => [plain('XCLAIM', key, group, consumer, '0', recent(), recent(), 'FORCE')],
      () => [plain('XPENDING', key, group)],
      () => (chance(random, 30) ? [plain('XGROUP', 'DELCONSUMER', key, group, consumer).for(key)] : []),
      () => (chance(random, 10) ? [plain('XGROUP', 'DESTROY', key, group).for(key)] : []),
    ])().map((asked) => (asked.words[0] === 'XGROUP' ? { ...asked, keys: [key] } : asked))
  }

  // ── for all types ─────────────────────────────────────────────────────────

  #general(lane: number, database: number, kind: Kind): Asked[] {
    const random = this.#random
    const key = this.#key(lane, kind)
    const other = this.#key(lane, kind)
    const keys = [key, other]
    const elsewhere = String(pick(random, this.#options.databases))
    return pick<() => Asked[]>(random, [
      () => [plain('DEL', key)],
      () => [plain('UNLINK', key)],
      () => [{ words: ['EXISTS', key, other], keys }],
      () => [plain('TYPE', key)],
      () => [{ words: ['COPY', key, other, 'REPLACE'], keys }],
      () => [{ words: ['COPY', key, other, 'REPLACE'], keys }],
      () => [{ words: ['COPY', key, other], keys }],
      () =>
        Number(elsewhere) === database
          ? []
          : [{ words: ['COPY', key, other, 'DB', elsewhere, 'REPLACE'], keys, elsewhere: Number(elsewhere) }],
      () =>
        Number(elsewhere) === database ? [] : [{ ...plain('MOVE', key, elsewhere), elsewhere: Number(elsewhere) }],
      () => [{ words: ['RENAME', key, other], keys }],
      () => [{ words: ['RENAMENX', key, other], keys }],
      () => [plain('PEXPIREAT', key, this.#farMs())],
      () => [plain('PERSIST', key)],
      () => (chance(random, 20) ? [plain('PEXPIREAT', key, '1')] : []),
      () => [plain('SET', `${this.#options.prefixes[lane]}${BRIEF}${this.#count++}`, this.#value(false), 'PX', String(1 + random.below(300)))], // biome-ignore format: one line
    ])()
  }

  #farMs(): string {
    return String(FAR_MS + this.#random.below(1e9))
  }
}

class Plain implements Asked {
  readonly words: string[]
  readonly keys: readonly string[]

  constructor(words: string[], key: string) {
    this.words = words
    this.keys = [key]
  }

  /** The same command, whose key does not follow its name. */
  for(key: string): Plain {
    return new Plain(this.words, key)
  }
}

/** A command whose first word is followed by its only key. */
const plain = (...words: string[]): Plain => new Plain(words, words[1]!)

/** `XGROUP CREATE` for a command of two words. */
export function commandName(words: readonly string[]): string {
  const name = words[0]!.toUpperCase()
  return name === 'XGROUP' ? `${name} ${words[1]!.toUpperCase()}` : name
}
