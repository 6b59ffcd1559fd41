// Records in the order of their ids, against a sorted array; groups, against two maps.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arena } from '../../src/store/memory/arena.ts'
import { StreamGroup } from '../../src/store/stream/stream-group.ts'
import { ID_INVALID, ID_WANTS_SEQUENCE, parseStreamId, StreamId } from '../../src/store/stream/stream-id.ts'
import { IndexCursor, StreamIndex } from '../../src/store/stream/stream-index.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'

const id = (n: number) => StreamId.of(n >> 3, n & 7)

function numbers(index: StreamIndex): number[] {
  const cursor = new IndexCursor()
  const at = new StreamId()
  const list: number[] = []
  for (let more = index.first(cursor); more; more = index.next(cursor)) {
    list.push(Number(cursor.id(at).ms) * 8 + Number(at.seq))
  }
  return list
}

describe('an index of ids', () => {
  test('holds what a sorted array holds, inserted and removed anywhere', () => {
    const step = fc.record({
      kind: fc.constantFrom('append', 'append', 'insert', 'remove', 'removeFirst', 'removeMany', 'slide'),
      n: fc.nat({ max: 4000 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.integer({ min: 0, max: 600 }), (steps, initial) => {
        const arena = new Arena()
        const index = new StreamIndex(arena, 4)
        const cursor = new IndexCursor()
        const model: number[] = []
        const insert = (n: number) => {
          const isNew = !model.includes(n)
          expect(index.insert(id(n), cursor)).toBe(isNew)
          if (isNew) cursor.source.view.setInt32(cursor.at + 16, n, true)
          expect(cursor.source.view.getInt32(cursor.at + 16, true)).toBe(n)
          if (isNew) model.push(n)
          model.sort((a, b) => a - b)
        }
        const remove = (position: number) => {
          expect(index.find(id(model[position]!), cursor)).toBe(true)
          expect(index.remove(cursor)).toBe(position < model.length - 1)
          model.splice(position, 1)
          if (position < model.length) expect(cursor.source.view.getInt32(cursor.at + 16, true)).toBe(model[position])
        }
        for (let i = 0; i < initial; i++) insert(i * 5)
        for (const { kind, n } of steps) {
          if (kind === 'append') insert((model.at(-1) ?? 0) + 1 + (n % 3))
          else if (kind === 'insert') insert(n)
          else if (model.length === 0) continue
          else if (kind === 'slide') {
            // As what is pending does: what is oldest goes, what is new comes.
            for (let i = n % 40; i > 0; i--) {
              insert(model.at(-1)! + 1)
              remove(0)
            }
          } else if (kind === 'remove') remove(n % model.length)
          else if (kind === 'removeFirst') remove(0)
          else for (let i = Math.min(100, model.length - (n % model.length)); i > 0; i--) remove(n % model.length)
        }
        expect(index.count).toBe(model.length)
        expect(numbers(index)).toEqual(model)
        for (let n = 0; n < 40; n++) {
          const probe = n * 97
          const above = model.find((m) => m >= probe)
          expect(index.seekAtLeast(id(probe), cursor)).toBe(above !== undefined)
          if (above !== undefined) expect(cursor.source.view.getInt32(cursor.at + 16, true)).toBe(above)
          const below = model.findLast((m) => m <= probe)
          expect(index.seekAtMost(id(probe), cursor)).toBe(below !== undefined)
          if (below !== undefined) expect(cursor.source.view.getInt32(cursor.at + 16, true)).toBe(below)
        }
        const copy = index.copy(arena)
        expect(numbers(copy)).toEqual(model)
        copy.free()
        index.free()
        expect(arena.usedBytes).toBe(0)
        expect(index.bytes).toBe(0)
      }),
      { numRuns: 30 },
    )
  })
})

describe('a group', () => {
  test('keeps what is pending the same with itself and with the consumers', () => {
    const step = fc.record({
      kind: fc.constantFrom('deliver', 'deliver', 'deliver', 'acknowledge', 'own', 'count', 'leave'),
      n: fc.nat({ max: 60 }),
      who: fc.nat({ max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const arena = new Arena()
        const group = new StreamGroup(arena, Bytes.from('group'))
        const name = (who: number) => Bytes.from(`consumer ${who}`)
        const consumer = (who: number) => group.consumers.get(name(who)) ?? group.addConsumer(name(who), 5)
        const model = new Map<number, { who: number; count: number; time: number }>()
        const cursor = new IndexCursor()
        let now = 1000
        for (const { kind, n, who } of steps) {
          now++
          if (kind === 'deliver') {
            group.deliver(id(n), consumer(who), now, cursor)
            model.set(n, { who, count: 1, time: now })
          } else if (kind === 'acknowledge') {
            expect(group.acknowledge(id(n))).toBe(model.delete(n))
          } else if (kind === 'own') {
            group.own(id(n), consumer(who), cursor)
            model.set(n, { count: 1, time: 0, ...model.get(n), who })
          } else if (kind === 'count') {
            const entry = model.get(n)
            expect(group.find(id(n), cursor)).toBe(entry !== undefined)
            if (entry === undefined) continue
            group.countDelivery(cursor)
            group.setDeliveryTime(cursor, now)
            entry.count++
            entry.time = now
          } else {
            group.removeConsumer(consumer(who))
            for (const [key, entry] of model) if (entry.who === who) model.delete(key)
          }
        }
        for (const checked of [group, group.copy(arena)]) {
          checked.check()
          expect(numbers(checked.pending)).toEqual([...model.keys()].sort((a, b) => a - b))
          for (const [n, entry] of model) {
            expect(checked.find(id(n), cursor)).toBe(true)
            expect(checked.ownerOf(cursor).name.toString()).toBe(`consumer ${entry.who}`)
            expect(checked.deliveryCount(cursor)).toBe(entry.count)
            expect(checked.deliveryTime(cursor)).toBe(entry.time)
          }
          for (const { name: known, pending } of checked.consumers.all) {
            const own = [...model].filter(([, { who }]) => known.toString() === `consumer ${who}`).map(([n]) => n)
            expect(numbers(pending)).toEqual(own.sort((a, b) => a - b))
          }
          expect(checked.isOwned).toBe(true)
          checked.free()
        }
        expect(arena.usedBytes).toBe(0)
      }),
      { numRuns: 75 },
    )
  })

  test('is rebuilt from what was pending and from who had it', () => {
    const arena = new Arena()
    const group = new StreamGroup(arena, Bytes.from('g'))
    const [alice, bob] = [group.addConsumer(Bytes.from('alice'), 1), group.addConsumer(Bytes.from('bob'), 2)]
    expect(group.restorePending(id(8), 77, 9_007_199_254_740_993n)).toBe(true)
    expect(group.restorePending(id(9), 78, 2)).toBe(true)
    expect(group.restorePending(id(9), 78, 2)).toBe(false)
    expect(group.isOwned).toBe(false)
    expect(group.restoreOwner(id(8), alice)).toBe(true)
    expect(group.restoreOwner(id(8), bob)).toBe(false)
    expect(group.restoreOwner(id(10), bob)).toBe(false)
    expect(group.isOwned).toBe(false)
    expect(group.restoreOwner(id(9), bob)).toBe(true)
    expect(group.isOwned).toBe(true)
    const cursor = new IndexCursor()
    group.find(id(8), cursor)
    expect([group.deliveryTime(cursor), group.deliveryCount(cursor)]).toEqual([77, 9_007_199_254_740_993n])
  })
})

describe('an id', () => {
  const MAX = 2n ** 64n - 1n
  const half = fc.oneof(
    fc.bigInt({ min: 0n, max: MAX }),
    fc.constantFrom(0n, 1n, MAX, MAX - 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n),
  )

  test('is exact over the whole of 64 bits, twice', () => {
    fc.assert(
      fc.property(half, half, half, half, (ms, seq, otherMs, otherSeq) => {
        const one = StreamId.of(ms, seq)
        const other = StreamId.of(otherMs, otherSeq)
        expect(one.toString()).toBe(`${ms}-${seq}`)
        const order = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0)
        expect(one.compare(other)).toBe(order(ms, otherMs) || order(seq, otherSeq))
        const whole = (ms << 64n) | seq
        const next = new StreamId().copyFrom(one)
        const after = BigInt.asUintN(128, whole + 1n)
        expect(next.increment()).toBe(after !== 0n)
        expect([next.ms, next.seq]).toEqual([after >> 64n, after & MAX])
        expect(next.decrement()).toBe(after !== 0n)
        expect(next.equals(one)).toBe(true)
        const parsed = new StreamId()
        parseStreamId(Bytes.from(`${ms}-${seq}`), parsed)
        expect(parsed.equals(one)).toBe(true)
      }),
    )
  })

  test.each([
    ['5', '5-0'],
    ['5-3', '5-3'],
    ['007-01', '7-1'],
    [' 5', '5-0'],
    ['+5', '5-0'],
    ['5\0x', '5-0'],
    ['1--05', '1-18446744073709551611'],
    ['18446744073709551615', '18446744073709551615-0'],
  ])('is read from %j as Redis reads it', (text, expected) => {
    const parsed = new StreamId()
    expect(parseStreamId(Bytes.from(text), parsed)).not.toBe(ID_INVALID)
    expect(parsed.toString()).toBe(expected)
  })

  test.each([
    '',
    '-',
    '+',
    'x',
    '5 ',
    '-5',
    '1-',
    '1--5',
    '1-*',
    '18446744073709551616',
    '1-18446744073709551616',
    '1-1-1',
  ])('is not read from %j', (text) => {
    expect(parseStreamId(Bytes.from(text), new StreamId())).toBe(ID_INVALID)
  })

  test('may leave its sequence open', () => {
    const parsed = new StreamId()
    expect(parseStreamId(Bytes.from('5-*'), parsed, 0, true)).toBe(ID_WANTS_SEQUENCE)
    expect(parseStreamId(Bytes.from('5'), parsed, -1)).not.toBe(ID_INVALID)
    expect(parsed.toString()).toBe('5-18446744073709551615')
  })
})
