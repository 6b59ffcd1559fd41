import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { Database, type DatabaseHost } from '../../src/store/keyspace/database.ts'
import { DatabaseReports } from '../../src/store/keyspace/database-reports.ts'
import { NONE } from '../../src/store/keyspace/keyspace.ts'
import { type Arena, ArenaFull, BLOCK_CONTENT_BYTES_MAX } from '../../src/store/memory/arena.ts'
import { EncodingLimits } from '../../src/store/structures/encoding-limits.ts'
import { TYPE_SET, type Value } from '../../src/store/structures/value.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { testOfSizes } from '../support/sizes.ts'
import { HASH_KEY } from '../support/structure-host.ts'

class TestHost implements DatabaseHost {
  nowMs = 1_000_000
  readonly use = { accessSeconds: 100, frequency: null, touches: true, hits: 0, misses: 0 }
  readonly hashKey = HASH_KEY
  readonly limits = new EncodingLimits()
  expiry: DatabaseHost['expiry'] = 'remove'
  readonly reports = new DatabaseReports<Database>()
  changesBegun = 0
  grown = null
  readonly expiredKeys: string[] = []

  get removesExpired(): boolean {
    return this.expiry === 'remove'
  }

  now(): number {
    return this.nowMs
  }

  expired(db: Database, key: Bytes): void {
    this.expiredKeys.push(`${db.index} ${key}`)
  }

  fieldsExpired(): void {}

  wrongType(): never {
    throw new Error('wrong type')
  }
}

/** A structure of the least kind: a text in one block of the arena. */
class TextSet implements Value {
  static readonly type = TYPE_SET
  readonly type = TYPE_SET
  readonly length = 1
  readonly bytes = 64
  readonly encoding = 'listpack'
  readonly text: string
  readonly #arena: Arena
  #ref: number

  constructor(arena: Arena, text: string) {
    this.text = text
    this.#arena = arena
    this.#ref = arena.allocate(text.length)
  }

  copy(arena: Arena): TextSet {
    return new TextSet(arena, this.text)
  }

  moveBlocks(): number {
    this.#ref = this.#arena.moveIfLeaving(this.#ref)
    return 0
  }

  free(): void {
    this.#arena.free(this.#ref)
  }
}

const key = (text: string) => Bytes.from(text)

let host: TestHost
let db: Database
let other: Database

beforeEach(() => {
  host = new TestHost()
  db = new Database(0, host)
  other = new Database(1, host)
})

function read(name: string, from = db): string | undefined {
  const window = new Bytes()
  return from.readString(key(name), window) ? window.toString() : undefined
}

function write(name: string, value: string, to = db): number {
  return to.writeString(key(name), Bytes.from(value))
}

/** Makes the arena refuse until told otherwise. */
function exhaust(database: Database): () => void {
  const { arena } = database
  const allocate = arena.allocate
  arena.allocate = () => {
    throw new ArenaFull()
  }
  return () => {
    arena.allocate = allocate
  }
}

/** All that a database holds, read without changing anything. */
function contents(database: Database): Record<string, string> {
  const found: Record<string, string> = {}
  const name = new Bytes()
  for (let entry = 0; entry < database.keys.entriesEnd; entry++) {
    if (!database.keys.isLive(entry)) continue
    const value =
      database.typeOf(entry) === TYPE_SET
        ? `set ${(database.structureOf(entry) as TextSet).text}`
        : database.strings.read(entry, new Bytes()).toString()
    const expiry = database.expiryOf(entry)
    const shown = value.length > 100 ? `${value.slice(0, 20)}… ${value.length}` : value
    found[database.keys.keyOf(entry, name).toString()] = expiry === undefined ? shown : `${shown} until ${expiry}`
  }
  return found
}

describe('strings, structures and expiries', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd', '', '\xff', 'K'.repeat(BLOCK_CONTENT_BYTES_MAX + 1))
  const sizes = [0, 1, 3, 4, 5, 50, 500, 30_000, BLOCK_CONTENT_BYTES_MAX - 4, BLOCK_CONTENT_BYTES_MAX + 1, 200_000]
  const values = fc
    .tuple(fc.constantFrom(...sizes), fc.constantFrom('x', 'y', '1'))
    .map(([size, char]) => char.repeat(size))
  const action = fc.record({
    kind: fc.constantFrom('set', 'keep', 'replace', 'resize', 'struct', 'delete', 'rename', 'copy', 'move', 'expire'),
    name: names,
    to: names,
    value: values,
    time: fc.integer({ min: 0, max: 1000 }),
  })

  test('behave as two Maps do, and leave no memory behind', () => {
    interface Model {
      value: string
      expiry: number | undefined
    }
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        host = new TestHost()
        db = new Database(0, host)
        other = new Database(1, host)
        const here = new Map<string, Model>()
        const there = new Map<string, Model>()
        for (const { kind, name, to, value, time } of actions) {
          const model = here.get(name)
          const entry = db.findForWrite(key(name))
          expect(entry === NONE).toBe(model === undefined)
          const isString = model !== undefined && !model.value.startsWith('set ')
          if (kind === 'set' || kind === 'keep') {
            db.writeString(key(name), Bytes.from(value), kind === 'keep')
            here.set(name, { value, expiry: kind === 'keep' ? model?.expiry : undefined })
          } else if (kind === 'replace' && isString) {
            db.strings.place(entry, Bytes.from(value), false)
            model.value = value
          } else if (kind === 'resize' && isString) {
            const length = Math.max(model.value.length, value.length)
            const window = db.strings.resize(entry, length, new Bytes())
            expect(window.length).toBe(length)
            model.value = model.value.padEnd(length, '\0')
          } else if (kind === 'struct') {
            db.writeStructure(key(name), new TextSet(db.arena, 'members'))
            here.set(name, { value: 'set members', expiry: undefined })
          } else if (kind === 'delete') {
            expect(db.delete(key(name))).toBe(here.delete(name))
          } else if (kind === 'rename' && model !== undefined && name !== to) {
            db.rename(key(name), key(to))
            here.delete(name)
            here.set(to, model)
          } else if (kind === 'copy' && model !== undefined) {
            const target = time % 2 === 0 || name === to ? other : db
            db.copyTo(entry, target, key(to))
            ;(target === db ? here : there).set(to, { ...model })
          } else if (kind === 'move' && model !== undefined && !there.has(name)) {
            db.moveTo(key(name), other)
            here.delete(name)
            there.set(name, model)
          } else if (kind === 'expire' && model !== undefined) {
            model.expiry = host.nowMs + time
            db.setExpiry(entry, model.expiry)
          }
        }
        for (const [database, models] of [
          [db, here],
          [other, there],
        ] as const) {
          expect(database.size).toBe(models.size)
          const window = new Bytes()
          for (const [name, { value, expiry }] of models) {
            const entry = database.find(key(name))
            expect(database.expiryOf(entry)).toBe(expiry)
            const actual =
              database.typeOf(entry) === TYPE_SET
                ? `set ${(database.structureOf(entry) as TextSet).text}`
                : database.strings.read(entry, window).toString()
            expect(actual === value).toBe(true)
            database.deleteEntry(entry)
          }
          expect([database.size, database.arena.usedBytes, database.keys.expiries.count]).toEqual([0, 0, 0])
          expect(database.usedBytes - database.keys.indexBytes).toBe(0)
        }
      }),
      { numRuns: 75 },
    )
  })

  test('a string survives growing and shrinking between the block, a larger one and a buffer of its own', () => {
    for (const size of [3, 70_000, 10, 60_000, 65_600, 0, 44]) {
      write('k', 'v'.repeat(size))
      expect(read('k')).toBe('v'.repeat(size))
    }
    expect(db.arena.usedBytes).toBeLessThan(200)
  })

  testOfSizes('a string far smaller than the one before gives the room back', () => {
    write('k', 'v'.repeat(60_000))
    const before = db.arena.usedBytes
    write('k', 'v'.repeat(100))
    expect(db.arena.usedBytes).toBeLessThan(before / 100)
  })

  test('reading a structure as a string, or as another structure, is refused', () => {
    db.create(key('s'), new TextSet(db.arena, 'x'))
    expect(() => read('s')).toThrow('wrong type')
    write('k', 'v')
    expect(() => db.getForRead(key('k'), TextSet as never)).toThrow('wrong type')
  })
})

describe('when the arena is full', () => {
  beforeEach(() => {
    write('from', 'value')
    db.setExpiry(db.find(key('from')), 2_000_000)
    write('to', 'old')
    db.setExpiry(db.find(key('to')), 3_000_000)
    db.writeStructure(key('set'), new TextSet(db.arena, 'members'))
    db.setExpiry(db.find(key('set')), 4_000_000)
  })

  test.each([
    ['writing a new key', () => write('new', 'x')],
    ['writing a larger string', () => write('to', 'x'.repeat(1000))],
    ['writing a string over a structure', () => write('set', 'x'.repeat(1000))],
    ['renaming', () => db.rename(key('from'), key('to'))],
    ['renaming a structure', () => db.rename(key('set'), key('to'))],
    ['copying', () => db.copyTo(db.find(key('from')), db, key('to'))],
    ['copying a structure', () => db.copyTo(db.find(key('set')), db, key('to'))],
    ['resizing', () => db.strings.resize(db.findForWrite(key('to')), 1000, new Bytes())],
  ])('%s changes nothing', (_, act) => {
    const before = contents(db)
    const used = db.arena.usedBytes
    const refill = exhaust(db)
    expect(act).toThrow(ArenaFull)
    refill()
    expect(contents(db)).toEqual(before)
    expect(db.arena.usedBytes).toBe(used)
    for (const name of Object.keys(before)) expect(db.delete(key(name))).toBe(true)
    expect(db.arena.usedBytes).toBe(0)
  })
})

test('a structure that finds no place for its key gives its memory back', () => {
  const value = new TextSet(db.arena, 'members')
  const refill = exhaust(db)
  expect(() => db.create(key('k'), value)).toThrow(ArenaFull)
  refill()
  expect([db.size, db.arena.usedBytes]).toEqual([0, 0])
})

describe('expiry', () => {
  test('a key lives through its last millisecond and is gone in the next', () => {
    write('k', 'v')
    db.setExpiry(db.find(key('k')), host.nowMs + 100)
    host.nowMs += 100
    expect(read('k')).toBe('v')
    host.nowMs += 1
    expect(read('k')).toBeUndefined()
    expect([db.size, host.expiredKeys]).toEqual([0, ['0 k']])
  })

  test('writing over an expired key makes a new one', () => {
    write('k', 'v')
    db.setExpiry(db.find(key('k')), host.nowMs - 1)
    db.writeString(key('k'), Bytes.from('w'), true)
    expect(host.expiredKeys).toEqual(['0 k'])
    expect(contents(db)).toEqual({ k: 'w' })
  })

  test('while history is replayed nothing expires', () => {
    write('k', 'v')
    db.setExpiry(db.find(key('k')), 1)
    host.expiry = 'keep'
    expect(read('k')).toBe('v')
    expect(db.isExpired(db.find(key('k')))).toBe(false)
  })

  test('where another server removes them, due keys are hidden and stay', () => {
    write('k', 'v')
    const entry = db.find(key('k'))
    db.setExpiry(entry, 1)
    host.expiry = 'hide'
    expect(read('k')).toBeUndefined()
    expect(db.expireEntry(entry, new Bytes())).toBe(true)
    expect([db.size, host.expiredKeys]).toEqual([1, []])
    host.expiry = 'keep'
    expect(read('k')).toBe('v')
  })

  test('due keys go in order of time, a bounded number at once', () => {
    for (let i = 0; i < 10; i++) {
      write(`k${i}`, 'v')
      db.setExpiry(db.find(key(`k${i}`)), host.nowMs - 10 + ((i * 7) % 10))
    }
    const window = new Bytes()
    expect(db.expireDue(4, window)).toBe(4)
    expect(host.expiredKeys).toEqual(['0 k0', '0 k3', '0 k6', '0 k9'])
    expect(db.expireDue(100, window)).toBe(6)
    expect([db.size, db.arena.usedBytes]).toEqual([0, 0])
  })

  test('an entry can be asked whether its time is up without removing it', () => {
    const entry = write('k', 'v')
    expect(db.isExpired(entry)).toBe(false)
    db.setExpiry(entry, host.nowMs - 1)
    expect([db.isExpired(entry), db.size]).toEqual([true, 1])
    expect([db.expireEntry(entry, new Bytes()), db.size, host.expiredKeys]).toEqual([true, 0, ['0 k']])
  })
})

describe('copying and moving', () => {
  test('a copy is independent of what it was made of', () => {
    write('a', 'one')
    db.copyTo(db.find(key('a')), db, key('b'))
    write('a', 'two')
    expect(contents(db)).toEqual({ a: 'two', b: 'one' })
  })

  test('a copy is encoded as what it was made of', () => {
    const entry = write('a', 'text')
    db.strings.resize(entry, 6, new Bytes())
    db.copyTo(entry, other, key('b'))
    expect(other.strings.originOf(other.find(key('b')))).toBe('raw')
    db.rename(key('a'), key('c'))
    expect(db.strings.originOf(db.find(key('c')))).toBe('raw')
  })

  test('a moved structure lies in the arena of its new database', () => {
    db.create(key('s'), new TextSet(db.arena, 'members'))
    db.moveTo(key('s'), other)
    expect(db.arena.usedBytes).toBe(0)
    db.clear()
    expect(contents(other)).toEqual({ s: 'set members' })
    other.delete(key('s'))
    expect(other.arena.usedBytes).toBe(0)
  })

  test('a listener for new keys hears of the copy, the moved and the renamed key', () => {
    write('a', 'v')
    const created: string[] = []
    host.reports.created = (database, name) => created.push(`${database.index} ${name}`)
    db.copyTo(db.find(key('a')), other, key('b'))
    db.rename(key('a'), key('c'))
    db.moveTo(key('c'), other)
    write('b', 'again', other)
    expect(created).toEqual(['1 b', '0 c', '1 c'])
  })
})

describe('whole databases', () => {
  test('swapping exchanges everything, expiries and large values included', () => {
    write('a', 'x'.repeat(100_000))
    db.setExpiry(db.find(key('a')), 5_000_000)
    write('b', 'small', other)
    other.create(key('s'), new TextSet(other.arena, 'members'))
    const [first, second] = [contents(db), contents(other)]
    const bytes = db.usedBytes
    db.swap(other)
    expect([contents(db), contents(other)]).toEqual([second, first])
    expect(other.usedBytes).toBe(bytes)
    expect([db.index, other.index]).toEqual([0, 1])
    host.nowMs = 5_000_001
    other.expireDue(10, new Bytes())
    expect(host.expiredKeys).toEqual(['1 a'])
    db.delete(key('s'))
    db.delete(key('b'))
    expect([db.arena.usedBytes, other.arena.usedBytes]).toEqual([0, 0])
  })

  test('clearing forgets values, expiries and memory', () => {
    write('a', 'x'.repeat(100_000))
    write('b', 'v')
    db.setExpiry(db.find(key('b')), 1)
    db.create(key('s'), new TextSet(db.arena, 'members'))
    db.clear()
    expect([db.size, db.usedBytes, db.keys.expiries.earliest]).toEqual([0, 0, Number.POSITIVE_INFINITY])
    expect(read('a')).toBeUndefined()
    write('a', 'again')
    expect(read('a')).toBe('again')
  })

  test('a snapshot sees every entry before it goes', () => {
    write('a', '1')
    write('b', '2')
    const seen: string[] = []
    host.reports.beforeChange = (database, entry) =>
      seen.push(`${database.keys.keyOf(entry, new Bytes())}=${database.strings.read(entry, new Bytes())}`)
    write('a', '3')
    db.rename(key('a'), key('b'))
    expect(seen).toEqual(['a=1', 'a=3', 'b=2'])
  })

  test('a listener for emptied databases gets the whole contents', () => {
    write('a', '1')
    let contents: Database | undefined
    host.reports.emptied = (database) => {
      contents = database
    }
    db.clear()
    write('a', '2')
    expect(contents!.readString(key('a'), new Bytes())).toBe(true)
    expect([contents!.size, db.size, read('a')]).toEqual([1, 1, '2'])
  })
})

describe('use', () => {
  test('peeking counts as a hit or a miss, but not as use', () => {
    const entry = write('k', 'v')
    host.use.accessSeconds += 50
    expect(db.peek(key('k'))).toBe(entry)
    expect(db.peek(key('none'))).toBe(NONE)
    expect([host.use.hits, host.use.misses, db.idleSeconds(entry)]).toEqual([1, 1, 50])
    db.findForRead(key('k'))
    expect([host.use.hits, db.idleSeconds(entry)]).toEqual([2, 0])
  })

  test('a read that finds no key is reported to its listener', () => {
    const missed: string[] = []
    host.reports.missed = (database, name) => missed.push(`${database.index} ${name}`)
    db.peek(key('a'))
    db.findForRead(key('b'))
    db.findForWrite(key('c'))
    db.find(key('d'))
    expect(missed).toEqual(['0 a', '0 b'])
  })

  test('idle time is right when the clock no longer fits 31 bits', () => {
    host.use.accessSeconds = 2 ** 31 - 5
    const entry = write('k', 'v')
    host.use.accessSeconds = 2 ** 31 + 5
    expect(db.idleSeconds(entry)).toBe(10)
  })
})
