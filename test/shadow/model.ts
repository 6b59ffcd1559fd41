// A plain model of the types: Map, Set and arrays, commands as their documentation says them.
//
// It is what replies and values are compared with where there is no redis-server, and in the modes that redis-server has not:
// checkpoints, rollbacks, branches. It knows the commands of its table, and answers in RESP2 as a server would.

import type { Unit } from './traffic.ts'
import { commandName } from './traffic.ts'
import { BRIEF, expiryPlace, type Fact, fieldPlace, hashOf, memberPlace, nameOf, type Part } from './values.ts'

type Reply = number | string | null | Reply[] | { status: string } | { error: string } | { none: true }

interface Group {
  last: string
  pending: Map<string, { consumer: string; count: number }>
  consumers: Set<string>
}

type Value =
  | { type: 'string'; bytes: string }
  | { type: 'list'; items: string[] }
  | { type: 'hash'; fields: Map<string, { value: string; expiry?: number }> }
  | { type: 'set'; members: Set<string> }
  | { type: 'zset'; scores: Map<string, number> }
  | { type: 'stream'; entries: Map<string, string[]>; last: string; groups: Map<string, Group> }

interface Entry {
  value: Value
  expiry?: number
}

type Kind = Value['type']
type Of<K extends Kind> = Extract<Value, { type: K }>

/** A command that its user got wrong. */
class Refused extends Error {}

const OK = { status: 'OK' }
/** The array that is none: `*-1`. */
const NO_ARRAY = { none: true } as const
const EMPTY: { readonly [K in Kind]: () => Of<K> } = {
  string: () => ({ type: 'string', bytes: '' }),
  list: () => ({ type: 'list', items: [] }),
  hash: () => ({ type: 'hash', fields: new Map() }),
  set: () => ({ type: 'set', members: new Set() }),
  zset: () => ({ type: 'zset', scores: new Map() }),
  stream: () => ({ type: 'stream', entries: new Map(), last: '0-0', groups: new Map() }),
}

export class Model {
  #databases: Map<string, Entry>[]
  #database = 0

  constructor() {
    this.#databases = Array.from({ length: 16 }, () => new Map<string, Entry>())
  }

  /** The commands it knows. */
  static readonly commands: ReadonlySet<string> = new Set(
    `SET GET APPEND SETRANGE GETRANGE STRLEN GETDEL GETSET MSET INCRBY DECRBY LPUSH RPUSH LPOP RPOP LSET LINSERT LREM LTRIM LRANGE LLEN LMOVE
    HSET HDEL HGET HMGET HGETALL HLEN HINCRBY HSETNX HSTRLEN HPEXPIREAT SADD SREM SISMEMBER SCARD SMEMBERS SMOVE SUNIONSTORE SINTERSTORE SDIFFSTORE
    SMISMEMBER ZADD ZREM ZINCRBY ZSCORE ZCARD ZRANGE ZRANGESTORE ZPOPMIN ZPOPMAX ZREMRANGEBYRANK ZUNIONSTORE ZINTERSTORE ZDIFFSTORE
    XADD XTRIM XLEN XRANGE XREADGROUP XACK XDEL XCLAIM DEL UNLINK EXISTS TYPE COPY MOVE RENAME RENAMENX PEXPIREAT PERSIST SORT
    XGROUP|CREATE XGROUP|DELCONSUMER XGROUP|DESTROY`
      .split(/\s+/)
      .map((name) => name.replace('|', ' ')),
  )

  /** Runs units and returns what a server would reply, bytes as latin1. */
  answer(units: readonly Unit[], shift = 0): Buffer {
    const texts: string[] = []
    for (const { form, database, commands } of units) {
      this.#database = database + shift
      texts.push('+OK\r\n')
      if (form === 'transaction') texts.push('+OK\r\n', '+QUEUED\r\n'.repeat(commands.length))
      const replies = commands.map(({ words }) => this.#run(words))
      if (form === 'plain') texts.push(...replies.map(encode))
      else texts.push(encode(form === 'script' ? asScriptsReturn(replies) : replies))
    }
    return Buffer.from(texts.join(''), 'latin1')
  }

  /** A model of its own that begins as this one is. */
  copy(): Model {
    const copy = new Model()
    copy.#databases = structuredClone(this.#databases)
    return copy
  }

  /** Removes everything, or what is in one database. */
  clear(database?: number): void {
    this.#databases.forEach((keys, index) => {
      if (database === undefined || database === index) keys.clear()
    })
  }

  swap(one: number, two: number): void {
    const [first, second] = [this.#databases[one]!, this.#databases[two]!]
    this.#databases[one] = second
    this.#databases[two] = first
  }

  /** What `readFacts` would read of a server. */
  facts(databases: readonly number[], shift = 0): Map<string, Fact> {
    const facts = new Map<string, Fact>()
    for (const index of databases) {
      for (const [key, { value, expiry = -1 }] of this.#databases[index + shift]!) {
        const fact = { type: value.type, value: hashOf(partsOf(value)), expiry: String(expiry), encoding: '' }
        facts.set(nameOf(index, key), fact)
      }
    }
    return facts
  }

  /** The parts of a value; undefined when there is none. */
  value(database: number, key: string): Part[] | undefined {
    const entry = this.#databases[database]!.get(key)
    return entry && partsOf(entry.value)
  }

  /** Makes a key what another one is, as RESTORE of what DUMP gave does. */
  restore(database: number, from: string, to: string): void {
    const { value } = this.#databases[database]!.get(from)!
    this.#databases[database]!.set(to, structuredClone({ value }))
  }

  get #keys(): Map<string, Entry> {
    return this.#databases[this.#database]!
  }

  #run(words: readonly string[]): Reply {
    const run = this.#commands[commandName(words)]
    if (run === undefined) throw new Error(`the model does not know ${words[0]}`)
    try {
      return run(words.slice(1))
    } catch (error) {
      if (error instanceof Refused) return { error: error.message }
      throw error
    }
  }

  // ── keys ──────────────────────────────────────────────────────────────────

  #find<K extends Kind>(key: string, kind: K): Of<K> | undefined {
    const value = this.#keys.get(key)?.value
    if (value === undefined) return undefined
    if (value.type !== kind) throw new Refused('WRONGTYPE Operation against a key holding the wrong kind of value')
    return value as Of<K>
  }

  #make<K extends Kind>(key: string, kind: K): Of<K> {
    const found = this.#find(key, kind)
    if (found !== undefined) return found
    const value = EMPTY[kind]()
    this.#keys.set(key, { value })
    return value
  }

  /** Puts a new value in a key's place; an empty one removes the key. */
  #put(key: string, value: Value, expiry?: number): number {
    const count = sizeOf(value)
    if (count === 0) this.#keys.delete(key)
    else this.#keys.set(key, expiry === undefined ? { value } : { value, expiry })
    return count
  }

  /** A value that has become empty goes, but a stream stays. */
  #tidy(key: string): void {
    const value = this.#keys.get(key)?.value
    if (value !== undefined && value.type !== 'stream' && value.type !== 'string' && sizeOf(value) === 0)
      this.#keys.delete(key)
  }

  #bytes(key: string): string {
    return this.#find(key, 'string')?.bytes ?? ''
  }

  /** Changes a string and leaves its expiry. */
  #write(key: string, bytes: string): number {
    this.#make(key, 'string').bytes = bytes
    return bytes.length
  }

  #increment(key: string, by: number): number {
    const number = this.#bytes(key) === '' && !this.#keys.has(key) ? 0 : integer(this.#bytes(key))
    this.#write(key, String(number + by))
    return number + by
  }

  #push(key: string, items: readonly string[], atHead: boolean): number {
    const list = this.#make(key, 'list')
    list.items = atHead ? [...[...items].reverse(), ...list.items] : [...list.items, ...items]
    return list.items.length
  }

  #pop(key: string, count: number, atHead: boolean): Reply {
    const list = this.#find(key, 'list')
    if (list === undefined) return NO_ARRAY
    const taken = atHead ? list.items.splice(0, count) : list.items.splice(Math.max(0, list.items.length - count)).reverse() // biome-ignore format: one line
    this.#tidy(key)
    return taken
  }

  #combine(words: readonly string[], keep: (member: string, sets: Set<string>[]) => boolean): number {
    const [target, ...keys] = words
    const sets = keys.map((key) => this.#find(key, 'set')?.members ?? new Set<string>())
    const members = new Set(sets.flatMap((set) => [...set]).filter((member) => keep(member, sets)))
    return this.#put(target!, { type: 'set', members })
  }

  /** Scores of a sorted set, or of a set, where each is 1. */
  #scores(key: string): Map<string, number> {
    const value = this.#keys.get(key)?.value
    if (value?.type === 'set') return new Map([...value.members].map((member) => [member, 1]))
    return this.#find(key, 'zset')?.scores ?? new Map()
  }

  #group(key: string, name: string): Group | undefined {
    return this.#find(key, 'stream')?.groups.get(name)
  }

  #groupOrRefuse(key: string, name: string, refusal: string): Group {
    const stream = this.#find(key, 'stream')
    if (stream === undefined) {
      throw new Refused(
        'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.',
      )
    }
    const group = stream.groups.get(name)
    if (group === undefined) throw new Refused(refusal)
    return group
  }

  // ── commands ──────────────────────────────────────────────────────────────

  readonly #commands: Readonly<Record<string, (words: readonly string[]) => Reply>> = {
    SET: ([key, bytes, option, time]) => {
      if (!key!.includes(BRIEF))
        this.#keys.set(key!, { value: { type: 'string', bytes: bytes! }, ...(option === 'PXAT' && { expiry: Number(time) }) }) // biome-ignore format: one line
      return OK
    },
    GET: ([key]) => this.#find(key!, 'string')?.bytes ?? null,
    APPEND: ([key, bytes]) => this.#write(key!, this.#bytes(key!) + bytes),
    SETRANGE: ([key, offset, bytes]) => {
      const old = this.#bytes(key!).padEnd(Number(offset), '\0')
      return this.#write(key!, old.slice(0, Number(offset)) + bytes + old.slice(Number(offset) + bytes!.length))
    },
    GETRANGE: ([key, from, to]) => this.#bytes(key!).slice(Number(from), Number(to) + 1),
    STRLEN: ([key]) => this.#bytes(key!).length,
    GETDEL: ([key]) => {
      const bytes = this.#find(key!, 'string')?.bytes ?? null
      this.#keys.delete(key!)
      return bytes
    },
    GETSET: ([key, bytes]) => {
      const old = this.#find(key!, 'string')?.bytes ?? null
      this.#keys.set(key!, { value: { type: 'string', bytes: bytes! } })
      return old
    },
    MSET: (words) => {
      for (const [key, bytes] of pairsOf(words)) this.#keys.set(key, { value: { type: 'string', bytes } })
      return OK
    },
    INCRBY: ([key, by]) => this.#increment(key!, Number(by)),
    DECRBY: ([key, by]) => this.#increment(key!, -Number(by)),

    LPUSH: ([key, ...items]) => this.#push(key!, items, true),
    RPUSH: ([key, ...items]) => this.#push(key!, items, false),
    LPOP: ([key, count]) => this.#pop(key!, Number(count), true),
    RPOP: ([key, count]) => this.#pop(key!, Number(count), false),
    LSET: ([key, index, item]) => {
      const list = this.#find(key!, 'list')
      if (list === undefined) throw new Refused('ERR no such key')
      const at = fromEnd(Number(index), list.items.length)
      if (at < 0 || at >= list.items.length) throw new Refused('ERR index out of range')
      list.items[at] = item!
      return OK
    },
    LINSERT: ([key, where, pivot, item]) => {
      const list = this.#find(key!, 'list')
      if (list === undefined) return 0
      const at = list.items.indexOf(pivot!)
      if (at < 0) return -1
      list.items.splice(where === 'BEFORE' ? at : at + 1, 0, item!)
      return list.items.length
    },
    LREM: ([key, count, item]) => {
      const list = this.#find(key!, 'list')
      if (list === undefined) return 0
      const wanted = Number(count)
      const before = list.items.length
      let left = wanted === 0 ? before : Math.abs(wanted)
      const items = wanted < 0 ? list.items.reverse() : list.items
      const kept = items.filter((one) => one !== item || left-- <= 0)
      list.items = wanted < 0 ? kept.reverse() : kept
      this.#tidy(key!)
      return before - kept.length
    },
    LTRIM: ([key, from, to]) => {
      const list = this.#find(key!, 'list')
      if (list !== undefined) list.items = list.items.slice(Number(from), Number(to) + 1)
      this.#tidy(key!)
      return OK
    },
    LRANGE: ([key, from, to]) => {
      const items = this.#find(key!, 'list')?.items ?? []
      const first = Math.max(0, fromEnd(Number(from), items.length))
      return items.slice(first, Math.max(first, fromEnd(Number(to), items.length) + 1))
    },
    LLEN: ([key]) => this.#find(key!, 'list')?.items.length ?? 0,
    LMOVE: ([from, to, taken, put]) => {
      const source = this.#find(from!, 'list')
      if (source === undefined) return null
      this.#find(to!, 'list')
      const item = taken === 'LEFT' ? source.items.shift()! : source.items.pop()!
      if (from === to) {
        if (put === 'LEFT') source.items.unshift(item)
        else source.items.push(item)
        return item
      }
      this.#push(to!, [item], put === 'LEFT')
      this.#tidy(from!)
      return item
    },

    HSET: ([key, ...words]) => {
      const { fields } = this.#make(key!, 'hash')
      const before = fields.size
      for (const [field, value] of pairsOf(words)) fields.set(field, { value })
      return fields.size - before
    },
    HDEL: ([key, ...names]) => {
      const hash = this.#find(key!, 'hash')
      const gone = names.filter((name) => hash?.fields.delete(name)).length
      this.#tidy(key!)
      return gone
    },
    HGET: ([key, name]) => this.#find(key!, 'hash')?.fields.get(name!)?.value ?? null,
    HMGET: ([key, ...names]) => {
      const hash = this.#find(key!, 'hash')
      return names.map((name) => hash?.fields.get(name)?.value ?? null)
    },
    HGETALL: ([key]) => [...(this.#find(key!, 'hash')?.fields ?? [])].flatMap(([name, { value }]) => [name, value]),
    HLEN: ([key]) => this.#find(key!, 'hash')?.fields.size ?? 0,
    HINCRBY: ([key, name, by]) => {
      const { fields } = this.#make(key!, 'hash')
      const field = fields.get(name!)
      const sum = Number(field?.value ?? 0) + Number(by)
      fields.set(name!, { ...field, value: String(sum) })
      return sum
    },
    HSETNX: ([key, name, value]) => {
      const { fields } = this.#make(key!, 'hash')
      if (fields.has(name!)) return 0
      fields.set(name!, { value: value! })
      return 1
    },
    HSTRLEN: ([key, name]) => this.#find(key!, 'hash')?.fields.get(name!)?.value.length ?? 0,
    HPEXPIREAT: ([key, time, , , ...names]) => {
      const hash = this.#find(key!, 'hash')
      return names.map((name) => {
        const field = hash?.fields.get(name)
        if (field === undefined) return -2
        field.expiry = Number(time)
        return 1
      })
    },

    SADD: ([key, ...words]) => {
      const { members } = this.#make(key!, 'set')
      const before = members.size
      for (const member of words) members.add(member)
      return members.size - before
    },
    SREM: ([key, ...words]) => {
      const set = this.#find(key!, 'set')
      const gone = words.filter((member) => set?.members.delete(member)).length
      this.#tidy(key!)
      return gone
    },
    SISMEMBER: ([key, member]) => (this.#find(key!, 'set')?.members.has(member!) ? 1 : 0),
    SMISMEMBER: ([key, ...words]) => {
      const set = this.#find(key!, 'set')
      return words.map((member) => (set?.members.has(member) ? 1 : 0))
    },
    SCARD: ([key]) => this.#find(key!, 'set')?.members.size ?? 0,
    SMEMBERS: ([key]) => [...(this.#find(key!, 'set')?.members ?? [])],
    SMOVE: ([from, to, member]) => {
      const source = this.#find(from!, 'set')
      if (source === undefined) return 0
      this.#find(to!, 'set')
      if (from === to) return source.members.has(member!) ? 1 : 0
      if (!source.members.delete(member!)) return 0
      this.#tidy(from!)
      this.#make(to!, 'set').members.add(member!)
      return 1
    },
    SUNIONSTORE: (words) => this.#combine(words, () => true),
    SINTERSTORE: (words) => this.#combine(words, (member, sets) => sets.every((set) => set.has(member))),
    SDIFFSTORE: (words) =>
      this.#combine(words, (member, [first, ...rest]) => first!.has(member) && !rest.some((set) => set.has(member))),

    ZADD: ([key, ...words]) => {
      const [condition] = words[0] === 'GT' || words[0] === 'LT' ? words : ['']
      const { scores } = this.#make(key!, 'zset')
      let counted = 0
      for (const [score, member] of pairsOf(words.slice(condition === '' ? 0 : 2))) {
        const [old, now] = [scores.get(member), Number(score)]
        if (old !== undefined && ((condition === 'GT' && now <= old) || (condition === 'LT' && now >= old))) continue
        if (old === undefined || (condition !== '' && now !== old)) counted++
        scores.set(member, now)
      }
      return counted
    },
    ZREM: ([key, ...words]) => {
      const sorted = this.#find(key!, 'zset')
      const gone = words.filter((member) => sorted?.scores.delete(member)).length
      this.#tidy(key!)
      return gone
    },
    ZINCRBY: ([key, by, member]) => {
      const { scores } = this.#make(key!, 'zset')
      scores.set(member!, (scores.get(member!) ?? 0) + Number(by))
      return String(scores.get(member!))
    },
    ZSCORE: ([key, member]) => {
      const score = this.#find(key!, 'zset')?.scores.get(member!)
      return score === undefined ? null : String(score)
    },
    ZCARD: ([key]) => this.#find(key!, 'zset')?.scores.size ?? 0,
    ZRANGE: ([key, from, to]) =>
      ranked(this.#find(key!, 'zset')?.scores).slice(Number(from), Number(to) + 1).flatMap(([member, score]) => [member, String(score)]), // biome-ignore format: one line
    ZRANGESTORE: ([target, key, from, to]) => {
      const scores = new Map(ranked(this.#find(key!, 'zset')?.scores).slice(Number(from), Number(to) + 1))
      return this.#put(target!, { type: 'zset', scores })
    },
    ZPOPMIN: ([key, count]) => this.#popScored(key!, ranked(this.#find(key!, 'zset')?.scores).slice(0, Number(count))),
    ZPOPMAX: ([key, count]) =>
      this.#popScored(key!, ranked(this.#find(key!, 'zset')?.scores).reverse().slice(0, Number(count))),
    ZREMRANGEBYRANK: ([key, from, to]) =>
      this.#popScored(key!, ranked(this.#find(key!, 'zset')?.scores).slice(Number(from), Number(to) + 1)).length / 2,
    ZUNIONSTORE: ([target, , one, two]) => {
      const scores = new Map(this.#scores(one!))
      for (const [member, score] of this.#scores(two!)) scores.set(member, (scores.get(member) ?? 0) + score)
      return this.#put(target!, { type: 'zset', scores })
    },
    ZINTERSTORE: ([target, , one, two]) => {
      const other = this.#scores(two!)
      const both = [...this.#scores(one!)].filter(([member]) => other.has(member))
      const scores = new Map(both.map(([member, score]) => [member, 2 * score - other.get(member)!]))
      return this.#put(target!, { type: 'zset', scores })
    },
    ZDIFFSTORE: ([target, , one, two]) => {
      const other = this.#scores(two!)
      const scores = new Map([...this.#scores(one!)].filter(([member]) => !other.has(member)))
      return this.#put(target!, { type: 'zset', scores })
    },

    XADD: ([key, ...words]) => {
      const stream = this.#make(key!, 'stream')
      const length = words[0] === 'MAXLEN' ? Number(words[2]) : Number.POSITIVE_INFINITY
      const [id, ...fields] = words[0] === 'MAXLEN' ? words.slice(3) : words
      stream.entries.set(id!, fields)
      stream.last = id!
      this.#trim(stream, length)
      return id!
    },
    XTRIM: ([key, , how, length]) => {
      if (how !== '=') throw new Error('the model trims exactly')
      const stream = this.#find(key!, 'stream')
      return stream === undefined ? 0 : this.#trim(stream, Number(length))
    },
    XLEN: ([key]) => this.#find(key!, 'stream')?.entries.size ?? 0,
    XRANGE: ([key, from, , , count]) =>
      [...(this.#find(key!, 'stream')?.entries ?? [])]
        .filter(([id]) => compareIds(id, from!) >= 0)
        .slice(0, Number(count))
        .map(([id, fields]) => [id, fields]),
    XDEL: ([key, ...ids]) => {
      const stream = this.#find(key!, 'stream')
      return ids.filter((id) => stream?.entries.delete(id)).length
    },
    'XGROUP CREATE': ([, key, name]) => {
      const stream = this.#make(key!, 'stream')
      if (stream.groups.has(name!)) throw new Refused('BUSYGROUP Consumer Group name already exists')
      stream.groups.set(name!, { last: '0-0', pending: new Map(), consumers: new Set() })
      return OK
    },
    'XGROUP DESTROY': ([, key, name]) => {
      // Refuses a missing stream.
      if (this.#find(key!, 'stream') === undefined) this.#groupOrRefuse(key!, name!, '')
      return this.#find(key!, 'stream')!.groups.delete(name!) ? 1 : 0
    },
    'XGROUP DELCONSUMER': ([, key, name, consumer]) => {
      const refusal = `NOGROUP No such consumer group '${name}' for key name '${key}'`
      const group = this.#groupOrRefuse(key!, name!, refusal)
      const ids = [...group.pending].filter(([, { consumer: of }]) => of === consumer).map(([id]) => id)
      for (const id of ids) group.pending.delete(id)
      group.consumers.delete(consumer!)
      return ids.length
    },
    XREADGROUP: ([, name, consumer, , count, , key, from]) => {
      const group = this.#group(key!, name!)
      if (group === undefined)
        throw new Refused(`NOGROUP No such key '${key}' or consumer group '${name}' in XREADGROUP with GROUP option`)
      const { entries } = this.#find(key!, 'stream')!
      group.consumers.add(consumer!)
      if (from !== '>') {
        const own = idsInOrder(group).filter((id) => group.pending.get(id)!.consumer === consumer)
        return [[key!, own.slice(0, Number(count)).map((id) => [id, this.#again(group, id, entries.get(id))])]]
      }
      const fresh = [...entries].filter(([id]) => compareIds(id, group.last) > 0).slice(0, Number(count))
      if (fresh.length === 0) return NO_ARRAY
      for (const [id] of fresh) group.pending.set(id, { consumer: consumer!, count: 1 })
      group.last = fresh.at(-1)![0]
      return [[key!, fresh.map(([id, fields]) => [id, fields])]]
    },
    XACK: ([key, name, ...ids]) => ids.filter((id) => this.#group(key!, name!)?.pending.delete(id)).length,
    XCLAIM: ([key, name, consumer, , ...words]) => {
      const group = this.#group(key!, name!)
      if (group === undefined) throw new Refused(`NOGROUP No such key '${key}' or consumer group '${name}'`)
      const { entries } = this.#find(key!, 'stream')!
      group.consumers.add(consumer!)
      const claimed: Reply[] = []
      for (const id of words.slice(0, -1)) {
        if (!entries.has(id)) {
          group.pending.delete(id)
          continue
        }
        group.pending.set(id, { consumer: consumer!, count: (group.pending.get(id)?.count ?? 0) + 1 })
        claimed.push([id, entries.get(id)!])
      }
      return claimed
    },

    DEL: (keys) => keys.filter((key) => this.#keys.delete(key)).length,
    UNLINK: (keys) => keys.filter((key) => this.#keys.delete(key)).length,
    EXISTS: (keys) => keys.filter((key) => this.#keys.has(key)).length,
    TYPE: ([key]) => ({ status: this.#keys.get(key!)?.value.type ?? 'none' }),
    COPY: ([from, to, ...options]) => {
      const at = options.indexOf('DB')
      const target = at < 0 ? this.#keys : this.#databases[Number(options[at + 1])]!
      if (target === this.#keys && from === to) throw new Refused('ERR source and destination objects are the same')
      const entry = this.#keys.get(from!)
      if (entry === undefined || (target.has(to!) && !options.includes('REPLACE'))) return 0
      target.set(to!, structuredClone(entry))
      return 1
    },
    MOVE: ([key, database]) => {
      const target = this.#databases[Number(database)]!
      const entry = this.#keys.get(key!)
      if (entry === undefined || target.has(key!)) return 0
      this.#keys.delete(key!)
      target.set(key!, entry)
      return 1
    },
    RENAME: ([from, to]) => {
      this.#rename(from!, to!)
      return OK
    },
    RENAMENX: ([from, to]) => {
      if (this.#keys.has(from!) && this.#keys.has(to!)) return 0
      this.#rename(from!, to!)
      return 1
    },
    PEXPIREAT: ([key, time]) => {
      const entry = this.#keys.get(key!)
      if (entry === undefined) return 0
      entry.expiry = Number(time)
      if (entry.expiry < Date.now()) this.#keys.delete(key!)
      return 1
    },
    PERSIST: ([key]) => {
      const entry = this.#keys.get(key!)
      if (entry?.expiry === undefined) return 0
      delete entry.expiry
      return 1
    },
    SORT: ([key, , , target]) => {
      const value = this.#keys.get(key!)?.value
      let items: string[] = []
      if (value?.type === 'set') items = [...value.members]
      else if (value?.type === 'list') items = [...value.items]
      else if (value?.type === 'zset') items = [...value.scores.keys()]
      else if (value !== undefined) this.#find(key!, 'set')
      return this.#put(target!, { type: 'list', items: items.sort(compareBytes) })
    },
  }

  /** An entry that a consumer reads again; one that has been deleted is none. */
  #again(group: Group, id: string, fields: string[] | undefined): Reply {
    if (fields === undefined) return NO_ARRAY
    group.pending.get(id)!.count++
    return fields
  }

  #popScored(key: string, taken: [string, number][]): string[] {
    const sorted = this.#find(key, 'zset')
    for (const [member] of taken) sorted!.scores.delete(member)
    this.#tidy(key)
    return taken.flatMap(([member, score]) => [member, String(score)])
  }

  #trim(stream: Of<'stream'>, length: number): number {
    const gone = [...stream.entries.keys()].slice(0, Math.max(0, stream.entries.size - length))
    for (const id of gone) stream.entries.delete(id)
    return gone.length
  }

  #rename(from: string, to: string): void {
    const entry = this.#keys.get(from)
    if (entry === undefined) throw new Refused('ERR no such key')
    this.#keys.delete(from)
    this.#keys.set(to, entry)
  }
}

function sizeOf(value: Value): number {
  switch (value.type) {
    case 'string':
      return value.bytes.length
    case 'list':
      return value.items.length
    case 'hash':
      return value.fields.size
    case 'set':
      return value.members.size
    case 'zset':
      return value.scores.size
    case 'stream':
      return value.entries.size
  }
}

/** A value's parts, named as those that are read of a server. */
function partsOf(value: Value): Part[] {
  switch (value.type) {
    case 'string':
      return [{ place: 'the string', content: value.bytes }]
    case 'list':
      return value.items.map((content, i) => ({ place: `index ${i}`, content }))
    case 'hash':
      return [...value.fields].flatMap(([name, { value: content, expiry }]) => [
        { place: fieldPlace(name), content },
        ...(expiry === undefined ? [] : [{ place: expiryPlace(name), content: String(expiry) }]),
      ])
    case 'set':
      return [...value.members].map((member) => ({ place: memberPlace(member), content: member }))
    case 'zset':
      return [...value.scores].map(([member, score]) => ({
        place: memberPlace(member),
        content: `${member} ${score}`,
      }))
    case 'stream':
      return streamParts(value)
  }
}

function streamParts({ entries, last, groups }: Of<'stream'>): Part[] {
  const parts = [...entries].map(([id, fields]) => ({ place: `entry ${id}`, content: JSON.stringify(fields) }))
  parts.push({ place: 'last id', content: last })
  for (const [name, group] of groups) {
    parts.push({ place: `last delivered of group "${name}"`, content: group.last })
    const ids = idsInOrder(group)
    for (const id of ids) {
      const { consumer, count } = group.pending.get(id)!
      parts.push({ place: `pending ${id} of group "${name}"`, content: `${consumer} ${count}` })
    }
    for (const consumer of group.consumers) {
      const own = ids.filter((id) => group.pending.get(id)!.consumer === consumer)
      parts.push({ place: `consumer ${consumer} of group "${name}"`, content: own.join(' ') })
    }
  }
  return parts
}

const idsInOrder = (group: Group): string[] => [...group.pending.keys()].sort(compareIds)

const compareBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const fromEnd = (index: number, length: number): number => (index < 0 ? index + length : index)

function compareIds(a: string, b: string): number {
  const [left, right] = [a.split('-'), b.split('-')]
  return Number(left[0]) - Number(right[0]) || Number(left[1]) - Number(right[1])
}

function ranked(scores: ReadonlyMap<string, number> = new Map()): [string, number][] {
  return [...scores].sort(([a, x], [b, y]) => x - y || compareBytes(a, b))
}

function pairsOf(words: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < words.length; i += 2) pairs.push([words[i]!, words[i + 1]!])
  return pairs
}

function integer(bytes: string): number {
  if (!/^(0|-?[1-9]\d{0,17})$/.test(bytes)) throw new Refused('ERR value is not an integer or out of range')
  return Number(bytes)
}

/** A script has no array that is none: it returns false. */
function asScriptsReturn(replies: Reply[]): Reply[] {
  return replies.map((reply) => (reply === NO_ARRAY ? null : Array.isArray(reply) ? asScriptsReturn(reply) : reply))
}

function encode(reply: Reply): string {
  if (typeof reply === 'number') return `:${reply}\r\n`
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`
  if (reply === null) return '$-1\r\n'
  if (Array.isArray(reply)) return `*${reply.length}\r\n${reply.map(encode).join('')}`
  if ('status' in reply) return `+${reply.status}\r\n`
  if ('error' in reply) return `-${reply.error}\r\n`
  return '*-1\r\n'
}
