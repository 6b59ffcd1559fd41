import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EXPIRY, Keyspace, MARK, NONE, VALUE } from '../../src/store/keyspace/keyspace.ts'
import { Arena, BLOCK_CONTENT_BYTES_MAX } from '../../src/store/memory/arena.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { HASH_KEY } from '../support/structure-host.ts'

function createKeyspace(): Keyspace {
  return new Keyspace(new Arena(), HASH_KEY)
}

/** A window on a key; with `collide` all keys share a few hashes, so chains are long and only bytes tell them apart. */
function window(key: string, collide = false): Bytes {
  const bytes = Bytes.from(key)
  if (collide) bytes.hash = 1 + (key.length % 3)
  return bytes
}

const names = fc.oneof(
  fc.integer({ min: 0, max: 200 }).map((n) => `key:${n}`),
  fc.constantFrom('', '\0', '\xff\xfe', 'a', 'ab', 'abc', 'abcd', 'abcde'),
  fc.integer({ min: 1, max: 4 }).map((n) => 'L'.repeat(BLOCK_CONTENT_BYTES_MAX - 2 + n)),
)

describe.each([
  ['spread', false],
  ['colliding', true],
])('Keyspace with %s hashes', (_, collide) => {
  test('finds exactly what a Map would, through random insertions and removals', () => {
    const action = fc.record({ kind: fc.constantFrom('insert', 'insert', 'remove', 'find'), name: names })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
        const keys = createKeyspace()
        const model = new Map<string, number>()
        const read = new Bytes()
        for (const { kind, name } of actions) {
          const found = keys.find(window(name, collide))
          expect(found).toBe(model.get(name) ?? NONE)
          if (kind === 'insert' && found === NONE) {
            const entry = keys.insert(window(name, collide))
            for (const word of [VALUE, EXPIRY, MARK]) expect(keys.word(entry, word)).toBe(0)
            keys.setWord(entry, MARK, 7)
            model.set(name, entry)
          } else if (kind === 'remove' && found !== NONE) {
            keys.remove(found)
            model.delete(name)
          }
          expect(keys.count).toBe(model.size)
        }
        keys.check()
        let live = 0
        for (let entry = 0; entry < keys.entriesEnd; entry++) if (keys.isLive(entry)) live++
        expect(live).toBe(model.size)
        for (const [name, entry] of model) expect(keys.keyOf(entry, read).toString() === name).toBe(true)
        for (const entry of model.values()) keys.remove(entry)
        expect(keys.arena.usedBytes).toBe(0)
      }),
      { numRuns: 30 },
    )
  })
})

describe.each([
  ['spread', false],
  ['colliding', true],
])('a Keyspace filled all at once with %s hashes', (_, collide) => {
  test('has the keys that came, whatever number was announced, and goes on as any other', () => {
    const uniqueNames = fc.uniqueArray(names, { minLength: 0, maxLength: 150 })
    fc.assert(
      fc.property(uniqueNames, uniqueNames, fc.nat(100), (first, second, more) => {
        const keys = createKeyspace()
        keys.fill(first.length + more)
        const model = new Map(first.map((name) => [name, keys.insert(window(name, collide))]))
        while (keys.isFilling) expect(keys.link()).toBe(NONE)
        while (!keys.trim());
        for (const name of second) {
          const key = window(name, collide)
          expect(keys.find(key)).toBe(model.get(name) ?? NONE)
          if (!model.has(name)) model.set(name, keys.insert(key))
        }
        expect(keys.count).toBe(model.size)
        for (const [name, entry] of model) expect(keys.find(window(name, collide))).toBe(entry)
        for (const [name, entry] of model) {
          keys.remove(entry)
          expect(keys.find(window(name, collide))).toBe(NONE)
        }
        expect(keys.arena.usedBytes).toBe(0)
      }),
      { numRuns: 30 },
    )
  })

  test('finds nothing before all is linked, and tells of a key that came twice', () => {
    const keys = createKeyspace()
    keys.fill(100)
    for (let i = 0; i < 50; i++) keys.insert(window(`key:${i}`, collide))
    const again = keys.insert(window('key:7', collide))
    keys.insert(window('key:50', collide))
    expect(keys.find(window('key:7', collide))).toBe(NONE)
    let twice = NONE
    while (keys.isFilling) twice = Math.max(twice, keys.link())
    expect(twice).toBe(again)
    expect(keys.find(window('key:50', collide))).toBe(51)
  })
})

describe('Keyspace', () => {
  test.each([20_000, 32_768, 16_385, 60_000])('of 20,000 keys, filled when %i were announced', (announced) => {
    const keys = createKeyspace()
    const count = 20_000
    keys.fill(announced)
    for (let i = 0; i < Math.min(count, announced); i++) keys.insert(window(`key:${i}`))
    expect(keys.isFull).toBe(announced <= count)
    while (keys.isFilling) expect(keys.link()).toBe(NONE)
    for (let i = announced; i < count; i++) keys.insert(window(`key:${i}`))
    for (let i = 0; i < count; i++) if (keys.find(window(`key:${i}`)) !== i) expect(i).toBe(NONE)
    for (let i = 0; i < count; i += 97) expect(keys.find(window(`other:${i}`))).toBe(NONE)
    while (!keys.trim());
    expect(keys.indexBytes).toBeLessThan(count * 32 + Math.max(count, Math.min(announced, 4 * count)) * 4 + 100)
    for (let i = 0; i < count; i += 2) keys.remove(i)
    for (let i = 0; i < count; i++) {
      if (keys.find(window(`key:${i}`)) !== (i % 2 === 0 ? NONE : i)) expect(i).toBe(NONE)
    }
  })

  test('keeps buckets made for keys that are to come, however few there are, until it is trimmed', () => {
    const keys = createKeyspace()
    for (let i = 0; i < 1000; i++) keys.insert(window(`key:${i}`))
    keys.reserve(200_000)
    for (let i = 0; i < 500; i++) keys.remove(keys.find(window(`key:${i}`)))
    for (let i = 0; i < 1000; i++) expect(keys.find(window(`key:${i}`))).toBe(i < 500 ? NONE : i)
    const reserved = keys.indexBytes
    expect(reserved).toBeGreaterThan(200_000 * 4)
    // Fewer than there are: nothing to do.
    keys.reserve(100)
    expect(keys.indexBytes).toBe(reserved)
    let calls = 1
    while (!keys.trim()) calls++
    expect(calls).toBeGreaterThan(3)
    expect(keys.indexBytes).toBeLessThan(500 * 32 + 2004 * 4)
    for (let i = 0; i < 1000; i++) expect(keys.find(window(`key:${i}`))).toBe(i < 500 ? NONE : i)
  })

  test('grows to many keys and shrinks again without losing one on the way', () => {
    const keys = createKeyspace()
    const count = 100_000
    for (let i = 0; i < count; i++) keys.insert(window(`key:${i}`))
    const full = keys.indexBytes
    const absent = () => {
      for (let i = 0; i < count; i += 997) expect(keys.find(window(`other:${i}`))).toBe(NONE)
    }
    absent()
    for (let i = 0; i < count; i++) if (keys.find(window(`key:${i}`)) === NONE) expect(i).toBe(NONE)
    for (let i = 0; i < count - 100; i++) keys.remove(keys.find(window(`key:${i}`)))
    for (let i = count - 100; i < count; i++) expect(keys.find(window(`key:${i}`))).not.toBe(NONE)
    absent()
    expect(keys.count).toBe(100)
    for (let i = count - 100; i < count; i++) keys.remove(keys.find(window(`key:${i}`)))
    expect(keys.arena.usedBytes).toBe(0)
    expect(keys.indexBytes).toBeLessThan(full / 4)
  })

  test('holds a million keys', () => {
    const keys = createKeyspace()
    const key = Bytes.over(Buffer.alloc(8))
    for (let i = 0; i < 1_000_000; i++) {
      key.source.u8.writeDoubleLE(i)
      key.hash = 0
      keys.insert(key)
    }
    expect(keys.count).toBe(1_000_000)
    for (let i = 0; i < 1_000_000; i += 13) {
      key.source.u8.writeDoubleLE(i)
      key.hash = 0
      // Asked only when it is wrong: an assertion takes longer than finding the key.
      if (keys.find(key) !== i) expect(keys.find(key)).toBe(i)
    }
  })

  test('uses the numbers of removed entries again, and begins at 0 once it was empty', () => {
    const keys = createKeyspace()
    const [a, b, c] = ['a', 'b', 'c'].map((name) => keys.insert(window(name)))
    expect([a, b, c]).toEqual([0, 1, 2])
    keys.remove(b!)
    expect(keys.insert(window('d'))).toBe(b)
    expect(keys.entriesEnd).toBe(3)
    for (const entry of [a!, b!, c!]) keys.remove(entry)
    expect(keys.entriesEnd).toBe(0)
    expect(keys.insert(window('e'))).toBe(0)
    expect(keys.find(window('a'))).toBe(NONE)
  })

  test('counts the memory of keys too large for the arena, and reuses their places', () => {
    const keys = createKeyspace()
    keys.insert(window('small'))
    const empty = keys.indexBytes
    const large = 'x'.repeat(100_000)
    const entry = keys.insert(window(large))
    // The key and its entry.
    expect(keys.indexBytes - empty).toBe(100_000 + 32)
    expect(keys.find(window(`${large}y`))).toBe(NONE)
    expect(keys.find(window(`${large.slice(1)}y`))).toBe(NONE)
    keys.remove(entry)
    expect(keys.indexBytes).toBe(empty)
    const again = keys.insert(window(`${large}z`))
    expect(keys.keyOf(again, new Bytes()).length).toBe(100_001)
  })

  test('removing an entry cancels its expiry', () => {
    const keys = createKeyspace()
    const a = keys.insert(window('a'))
    const b = keys.insert(window('b'))
    keys.expiries.add(a, 10)
    keys.expiries.add(b, 20)
    keys.remove(a)
    expect([keys.expiries.count, keys.expiries.earliest, keys.expiries.entryAt(0)]).toEqual([1, 20, b])
  })

  test('a walk over entry numbers meets every key that is there throughout, and meets it once', () => {
    const action = fc.record({ insert: fc.boolean(), name: fc.nat(300) })
    fc.assert(
      fc.property(fc.array(fc.array(action, { maxLength: 40 }), { maxLength: 30 }), (bursts) => {
        const keys = createKeyspace()
        const staying = new Set<string>()
        for (let i = 0; i < 100; i++) {
          staying.add(`stays:${i}`)
          keys.insert(window(`stays:${i}`))
        }
        const met: string[] = []
        const read = new Bytes()
        let cursor = 0
        for (let i = 0; cursor < keys.entriesEnd; i++) {
          for (let step = 0; step < 10 && cursor < keys.entriesEnd; step++, cursor++) {
            if (keys.isLive(cursor)) met.push(keys.keyOf(cursor, read).toString())
          }
          for (const { insert, name } of bursts[i] ?? []) {
            const key = window(`comes:${name}`)
            const entry = keys.find(key)
            if (insert && entry === NONE) keys.insert(key)
            else if (!insert && entry !== NONE) keys.remove(entry)
          }
        }
        const metStaying = met.filter((name) => staying.has(name))
        expect(new Set(metStaying)).toEqual(staying)
        expect(metStaying.length).toBe(staying.size)
      }),
      { numRuns: 25 },
    )
  })

  describe('a random entry', () => {
    test('is none when there is none', () => {
      expect(createKeyspace().randomEntry(new Random(1))).toBe(NONE)
    })

    test('is each about as often', () => {
      const keys = createKeyspace()
      for (let i = 0; i < 20; i++) keys.insert(window(`key:${i}`))
      for (let i = 0; i < 10; i++) keys.remove(keys.find(window(`key:${i}`)))
      const random = new Random(1)
      const counts = new Map<number, number>()
      for (let i = 0; i < 10_000; i++) {
        const entry = keys.randomEntry(random)
        counts.set(entry, (counts.get(entry) ?? 0) + 1)
      }
      expect(counts.size).toBe(10)
      for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(200)
    })

    test('is found soon even where nearly all entries are free', () => {
      const keys = createKeyspace()
      for (let i = 0; i < 50_000; i++) keys.insert(window(`key:${i}`))
      for (let i = 0; i < 50_000; i++) if (i % 10_000 !== 77) keys.remove(keys.find(window(`key:${i}`)))
      const random = new Random(1)
      const met = new Set<number>()
      let drawn = 0
      const below = random.below.bind(random)
      random.below = (bound) => {
        drawn++
        return below(bound)
      }
      for (let i = 0; i < 300; i++) met.add(keys.randomEntry(random))
      expect(met.size).toBe(5)
      expect(drawn).toBeLessThan(300 * 150)
    })
  })
})
