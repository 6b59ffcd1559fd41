// Hashes against a Map, in both forms; expiring fields; the scan's guarantee; memory.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ABSENT, Hash, NEVER } from '../../src/store/hash/hash.ts'
import { Arena } from '../../src/store/memory/arena.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { structureHost } from '../support/structure-host.ts'

const window = new Bytes()

const host = structureHost()

const set = (hash: Hash, field: string, value: string) => hash.set(Bytes.from(field), Bytes.from(value))
const get = (hash: Hash, field: string) => (hash.get(Bytes.from(field), window) ? window.toString() : undefined)

function content(hash: Hash): [string, string][] {
  const pairs: [string, string][] = []
  for (let slot = hash.first(); slot !== ABSENT; slot = hash.next(slot)) {
    pairs.push([hash.fieldOf(slot, window).toString(), hash.valueOf(slot, window).toString()])
  }
  return pairs
}

const sorted = (pairs: Iterable<[string, string]>) => [...pairs].sort(([a], [b]) => (a < b ? -1 : 1))

/** Fields few enough to meet, of all lengths that are written differently. */
const field = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 30 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('', 'x'.repeat(127), 'y'.repeat(128), '\x00\xff') },
)
const value = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 20 }).map((s) => Buffer.from(s).toString('latin1')) },
  { weight: 1, arbitrary: fc.constantFrom(0, 63, 64, 65, 127, 128, 3000, 8190).map((n) => 'v'.repeat(n)) },
)

describe('a hash', () => {
  test('behaves as a Map, whatever happens to it, and gives all memory back', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('set' as const), field, value }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), field }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('fill' as const), count: fc.integer({ min: 1, max: 300 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('copy' as const) }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('expire' as const), field, time: fc.integer({ min: 1, max: 9 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('persist' as const), field }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('due' as const), time: fc.integer({ min: 1, max: 10 }) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const arena = new Arena()
        let hash = new Hash(arena, host)
        const model = new Map<string, { value: string; time: number }>()
        for (const s of steps) {
          if (s.kind === 'set') {
            expect(set(hash, s.field, s.value)).toBe(!model.has(s.field))
            model.set(s.field, { value: s.value, time: NEVER })
          } else if (s.kind === 'delete') {
            expect(hash.delete(Bytes.from(s.field))).toBe(model.delete(s.field))
          } else if (s.kind === 'fill') {
            for (let i = 0; i < s.count; i++) {
              set(hash, `fill${i}`, String(i))
              model.set(`fill${i}`, { value: String(i), time: NEVER })
            }
          } else if (s.kind === 'copy') {
            const copy = hash.copy(arena)
            hash.free()
            hash = copy
          } else if (s.kind === 'expire') {
            const slot = hash.find(Bytes.from(s.field))
            if (slot !== ABSENT) {
              hash.setExpiry(slot, s.time)
              model.get(s.field)!.time = s.time
            }
          } else if (s.kind === 'persist') {
            const slot = hash.find(Bytes.from(s.field))
            if (slot !== ABSENT) {
              expect(hash.clearExpiry(slot)).toBe(model.get(s.field)!.time !== NEVER)
              model.get(s.field)!.time = NEVER
            }
          } else {
            const names: Bytes[] = []
            hash.removeDue(s.time, 1000, names)
            const due = [...model].filter(([, { time }]) => time < s.time).map(([name]) => name)
            expect(names.map(String).sort()).toEqual(due.sort())
            for (const name of due) model.delete(name)
          }
          expect(hash.length).toBe(model.size)
          hash.check()
        }
        arena.check()
        expect(sorted(content(hash))).toEqual(sorted([...model].map(([name, { value }]) => [name, value])))
        for (const [name, { value, time }] of model) {
          expect(get(hash, name)).toBe(value)
          expect(hash.expiryOf(hash.find(Bytes.from(name)))).toBe(time)
        }
        expect(hash.earliestExpiry).toBe(Math.min(NEVER, ...[...model.values()].map(({ time }) => time)))
        hash.free()
        expect(arena.usedBytes).toBe(0)
      }),
      { numRuns: 75 },
    )
  })
})

describe('a scan', () => {
  /** Changes between two calls of a scan: fields `stay…` are never touched. */
  const change = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), count: fc.integer({ min: 1, max: 150 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('remove' as const), count: fc.integer({ min: 1, max: 150 }) }),
    },
  )

  test('finds every field that is there all the time, however many come and go, and while the form changes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 600 }),
        fc.array(change, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 400 }),
        (stays, changes, count, others) => {
          const hash = new Hash(new Arena(), host)
          const extra: string[] = []
          let added = 0
          const add = () => {
            extra.push(`other${added}`)
            set(hash, `other${added++}`, '')
          }
          // Fields that stay lie among others.
          for (let i = 0; i < Math.max(stays, others); i++) {
            if (i < others) add()
            if (i < stays) set(hash, `stay${i}`, 'x')
          }
          const seen = new Set<string>()
          let cursor = 0
          let round = 0
          do {
            const slots: number[] = []
            cursor = hash.scan(cursor, count, slots)
            for (const slot of slots) seen.add(hash.fieldOf(slot, window).toString())
            const step = changes[round++ % changes.length]!
            // Once all changes had their turn the scan must come to its end.
            if (round > changes.length) continue
            for (let i = 0; i < step.count; i++) {
              if (step.kind === 'add') add()
              else if (extra.length > 0) hash.delete(Bytes.from(extra.splice((i * 7919) % extra.length, 1)[0]!))
            }
          } while (cursor !== 0)
          const missed = Array.from({ length: stays }, (_, i) => `stay${i}`).filter((name) => !seen.has(name))
          expect(missed).toEqual([])
        },
      ),
      { numRuns: 75 },
    )
  })
})

test('a large hash is freed a part at a time', () => {
  const arena = new Arena()
  const hash = new Hash(arena, host)
  for (let i = 0; i < 1000; i++) set(hash, `f${i}`, 'v'.repeat(i % 100))
  for (let i = 0; i < 1000; i += 3) hash.setExpiry(hash.find(Bytes.from(`f${i}`)), i + 1)
  expect(hash.freeSome(600)).toBe(false)
  expect(hash.freeSome(600)).toBe(true)
  expect(arena.usedBytes).toBe(0)
})

test('a copy is independent, expiries and encoding included', () => {
  const [arena, other] = [new Arena(), new Arena()]
  for (const size of [3, 1000]) {
    const hash = new Hash(arena, host)
    for (let i = 0; i < size; i++) set(hash, `f${i}`, `${i}`)
    hash.setExpiry(hash.find(Bytes.from('f1')), 42)
    const copy = hash.copy(other)
    const pairs = content(hash)
    expect(copy.encoding).toBe(hash.encoding)
    hash.free()
    expect(content(copy)).toEqual(pairs)
    expect(copy.expiryOf(copy.find(Bytes.from('f1')))).toBe(42)
    expect(copy.earliestExpiry).toBe(42)
    copy.free()
  }
  expect([arena.usedBytes, other.usedBytes]).toEqual([0, 0])
})

test('values that grow and shrink keep to themselves', () => {
  const arena = new Arena()
  const hash = new Hash(arena, host)
  const lengths = [0, 1, 100, 70_000, 5, 66_000, 3000, 0, 131_072, 2]
  for (const length of lengths) {
    set(hash, 'f', 'x'.repeat(length))
    set(hash, 'g'.repeat(70_000), 'y')
    expect(get(hash, 'f')).toBe('x'.repeat(length))
    expect(get(hash, 'g'.repeat(70_000))).toBe('y')
  }
  hash.free()
  expect(arena.usedBytes).toBe(0)
})
