import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arena } from '../../src/store/memory/arena.ts'
import { Int64, integersFind, integersInsert, integersText } from '../../src/store/set/intset.ts'
import { ABSENT, MemberSet } from '../../src/store/set/member-set.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { structureHost } from '../support/structure-host.ts'

const INTEGERS = [
  '0', '1', '-1', '32767', '32768', '-32768', '-32769', '2147483647', '2147483648', '-2147483648', '-2147483649', '4294967295', '4294967296',
  '9007199254740991', '9007199254740992', '9007199254740993', '-9007199254740991', '-9007199254740992', '-9007199254740993',
  '9223372036854775807', '9223372036854775806', '-9223372036854775808', '-9223372036854775807',
] // biome-ignore format: a table

const members = (set: MemberSet): string[] => {
  const all: string[] = []
  const window = new Bytes()
  for (let slot = set.first(); slot !== ABSENT; slot = set.next(slot)) all.push(set.memberOf(slot, window).toString())
  return all
}

const setOf = (arena: Arena, words: Iterable<string>, host = structureHost()): MemberSet => {
  const set = new MemberSet(arena, host)
  for (const word of words) set.add(Bytes.from(word))
  return set
}

const numbers = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => String(from + i))

describe('integers in a block', () => {
  test('are exact over all 64 bits, and print as they were read', () => {
    const u8 = Buffer.alloc(24)
    const value = new Int64()
    for (const text of INTEGERS) {
      expect(value.read(Bytes.from(text))).toBe(true)
      expect(u8.toString('latin1', 0, value.write(u8, 0))).toBe(text)
    }
    for (const text of ['', '01', '-0', '+1', '1.0', ' 1', '9223372036854775808', '-9223372036854775809', 'x']) {
      expect(value.read(Bytes.from(text))).toBe(false)
    }
  })

  test('stand in ascending order whatever the order they came in, at every width', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-40000n, 40000n)), {
          maxLength: 60,
        }),
        (values) => {
          const arena = new Arena()
          const value = new Int64()
          let ref = 0
          for (const v of values) {
            value.read(Bytes.from(String(v)))
            const index = integersFind(arena, ref, value)
            expect(index).toBeLessThan(0)
            ref = integersInsert(arena, ref, -1 - index, value)
            expect(integersFind(arena, ref, value)).toBe(-1 - index)
          }
          const window = new Bytes()
          const shown = values.map((_, i) => integersText(arena, ref, i, window).toString())
          expect(shown).toEqual([...values].sort((a, b) => (a < b ? -1 : 1)).map(String))
        },
      ),
    )
  })
})

describe('a set', () => {
  test('is what a naive one is, in all forms and with all limits, and gives its memory back', () => {
    const member = fc.oneof(
      fc.integer({ min: -50, max: 700 }).map(String),
      fc.constantFrom(...INTEGERS),
      fc.string({ maxLength: 6 }),
      fc.integer({ min: 60, max: 70 }).map((n) => 'x'.repeat(n)),
      fc.constantFrom('y'.repeat(5000), 'z'.repeat(70000), ''),
    )
    const operation = fc.tuple(fc.constantFrom('add', 'add', 'add', 'addMany', 'remove', 'pop', 'expect'), member)
    const limits = fc.record({
      integers: fc.constantFrom(0, 5, 512, 10000),
      entries: fc.constantFrom(0, 5, 128, 2000),
      value: fc.constantFrom(3, 64, 100000),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), limits, (operations, limits) => {
        const arena = new Arena()
        const set = new MemberSet(arena, structureHost({ set: limits }))
        const model = new Set<string>()
        const random = new Random(3)
        const window = new Bytes()
        let latest = 0
        for (const [what, word] of operations) {
          if (what === 'add') {
            expect(set.add(Bytes.from(word))).toBe(!model.has(word))
            model.add(word)
          } else if (what === 'addMany') {
            for (let i = 0; i < 90; i++) {
              set.add(Bytes.from(`${word.slice(0, 3)}${i}`))
              model.add(`${word.slice(0, 3)}${i}`)
            }
          } else if (what === 'remove') {
            expect(set.remove(Bytes.from(word))).toBe(model.delete(word))
          } else if (what === 'pop' && model.size > 0) {
            const slot = set.randomSlot(random)
            expect(model.delete(set.memberOf(slot, window).toString())).toBe(true)
            set.removeSlot(slot)
          } else if (what === 'expect') {
            set.expect(word.length)
          }
          set.check()
          expect(set.length).toBe(model.size)
          expect(set.has(Bytes.from(word))).toBe(model.has(word))
          const encoding = ['intset', 'listpack', 'hashtable'].indexOf(set.encoding)
          expect(encoding).toBeGreaterThanOrEqual(latest)
          latest = encoding
        }
        expect(members(set).sort()).toEqual([...model].sort())
        for (let i = 0; i < model.size; i += 7) {
          expect(model.has(set.memberOf(set.slotAt(i), window).toString())).toBe(true)
        }
        const copy = set.copy(arena)
        expect(members(copy)).toEqual(members(set))
        expect(copy.encoding).toBe(set.encoding)
        expect(set.bytes).toBeGreaterThan(0)
        set.free()
        expect(members(copy).sort()).toEqual([...model].sort())
        while (!copy.freeSome(10)) expect(arena.usedBytes).toBeGreaterThan(0)
        expect(arena.usedBytes).toBe(0)
      }),
      { numRuns: 75 },
    )
  })

  test('is an intset up to 512 integers and a table beyond, for ever', () => {
    const set = setOf(new Arena(), numbers(0, 512))
    expect(set.encoding).toBe('intset')
    set.add(Bytes.from('512'))
    expect(set.encoding).toBe('hashtable')
    for (const word of numbers(0, 512)) set.remove(Bytes.from(word))
    expect(members(set)).toEqual(['512'])
    expect(set.encoding).toBe('hashtable')
  })

  test('of integers becomes a listpack with its first text, or a table when there are 128', () => {
    const few = setOf(new Arena(), numbers(0, 127))
    few.add(Bytes.from('text'))
    expect(few.encoding).toBe('listpack')
    expect(members(few)).toEqual([...numbers(0, 127), 'text'])
    const many = setOf(new Arena(), numbers(0, 128))
    many.add(Bytes.from('text'))
    expect(many.encoding).toBe('hashtable')
  })

  test('is a listpack up to 128 members of up to 64 bytes, in the order they came', () => {
    const words = ['b', 'a', 'x'.repeat(64), ...numbers(0, 125)]
    const set = setOf(new Arena(), words)
    expect(set.encoding).toBe('listpack')
    expect(members(set)).toEqual(words)
    set.add(Bytes.from('one more'))
    expect(set.encoding).toBe('hashtable')
    const long = setOf(new Arena(), ['a', 'x'.repeat(65)])
    expect(long.encoding).toBe('hashtable')
  })

  test('begins as Redis says for its first member and how many come', () => {
    const begin = (first: string, count: number): string => {
      const set = new MemberSet(new Arena(), structureHost())
      set.begin(Bytes.from(first), count)
      return set.encoding
    }
    expect([begin('1', 512), begin('1', 513), begin('a', 128), begin('a', 129)]).toEqual([
      'intset',
      'hashtable',
      'listpack',
      'hashtable',
    ])
  })

  test('knows the members of another whatever their forms', () => {
    const arena = new Arena()
    const forms = [
      setOf(arena, numbers(0, 300)),
      setOf(arena, ['a', ...numbers(100, 100)]),
      setOf(arena, [...numbers(50, 600), 'a']),
    ]
    const window = new Bytes()
    for (const one of forms) {
      for (const other of forms) {
        const expected = new Set(members(other))
        for (let slot = one.first(); slot !== ABSENT; slot = one.next(slot)) {
          expect(other.hasMemberOf(one, slot)).toBe(expected.has(one.memberOf(slot, window).toString()))
        }
      }
    }
  })

  test('is an intset again only as the result of an intersection', () => {
    const set = setOf(new Arena(), ['a', '3', '-7', '12'])
    set.becomeIntset()
    expect(set.encoding).toBe('listpack')
    set.remove(Bytes.from('a'))
    set.becomeIntset()
    expect(set.encoding).toBe('intset')
    expect(members(set)).toEqual(['-7', '3', '12'])
  })

  test('changes its form without losing the integer that made it, read from another set', () => {
    const arena = new Arena()
    const one = setOf(arena, ['-2'])
    const window = new Bytes()
    for (const words of [numbers(0, 512), numbers(0, 300)]) {
      const set = setOf(arena, words, structureHost({ set: { integers: words.length } }))
      set.add(one.memberOf(0, window))
      expect(members(set).sort()).toEqual(['-2', ...words].sort())
    }
  })

  test('is given back in steps', () => {
    const arena = new Arena()
    const set = setOf(arena, numbers(0, 5000))
    let steps = 1
    while (!set.freeSome(1000)) steps++
    expect(steps).toBe(5)
    expect(arena.usedBytes).toBe(0)
  })
})

describe('a scan of a set', () => {
  test('meets every member that is there throughout, whatever comes and goes meanwhile', () => {
    const change = fc.tuple(fc.constantFrom('add', 'remove'), fc.integer({ min: 0, max: 1200 }))
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 900 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.array(change, { maxLength: 60 }), { maxLength: 40 }),
        (size, count, rounds) => {
          const set = setOf(
            new Arena(),
            numbers(0, size).map((n) => `m${n}`),
          )
          const throughout = new Set(members(set))
          const seen = new Set<string>()
          const window = new Bytes()
          let cursor = 0
          let round = 0
          do {
            const slots: number[] = []
            cursor = set.scan(cursor, count, slots)
            for (const slot of slots) seen.add(set.memberOf(slot, window).toString())
            for (const [what, n] of rounds[round++] ?? []) {
              if (what === 'add') {
                set.add(Bytes.from(`m${n}`))
              } else {
                set.remove(Bytes.from(`m${n}`))
                throughout.delete(`m${n}`)
              }
            }
          } while (cursor !== 0)
          expect([...throughout].filter((member) => !seen.has(member))).toEqual([])
        },
      ),
    )
  })

  test('of a small set gives everything in one go, so that its becoming large loses nothing', () => {
    const set = setOf(new Arena(), [...numbers(0, 20), 'a'])
    const slots: number[] = []
    expect(set.scan(0, 1, slots)).toBe(0)
    expect(slots.length).toBe(21)
  })
})
