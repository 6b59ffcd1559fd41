import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Reply } from '../../src/protocol/reply.ts'
import { List } from '../../src/store/list/list.ts'
import { ListPosition } from '../../src/store/list/list-pages.ts'
import { Arena } from '../../src/store/memory/arena.ts'
import { Bytes, type Source } from '../../src/util/bytes/bytes.ts'
import { testOfSizes } from '../support/sizes.ts'
import { structureHost } from '../support/structure-host.ts'

const host = structureHost()
const window = new Bytes()
const position = new ListPosition()

/** Collects what writeRange writes; the list asks nothing else of a reply. */
class Collected {
  readonly elements: string[] = []
  bulkFrom(source: Source, start: number, length: number): void {
    this.elements.push(source.u8.toString('latin1', start, start + length))
  }
  bulkRow(source: Source, start: number, count: number): number {
    let at = start
    for (let i = 0; i < count; i++) {
      const length = source.u8[at]!
      this.bulkFrom(source, at + 1, length)
      at += length + 2
    }
    return at
  }
}

function range(list: List, from = 0, count = list.length): string[] {
  const collected = new Collected()
  list.writeRange(collected as unknown as Reply, from, count)
  return collected.elements
}

function rangeBackwards(list: List, from: number, count: number): string[] {
  const collected = new Collected()
  list.writeRangeBackwards(collected as unknown as Reply, from, count)
  return collected.elements
}

function remove(model: string[], count: number, element: string): string[] {
  const max = count === 0 ? model.length : Math.abs(count)
  const kept: string[] = []
  let removed = 0
  const order = count < 0 ? [...model].reverse() : model
  for (const e of order) {
    if (e === element && removed < max) removed++
    else kept.push(e)
  }
  return count < 0 ? kept.reverse() : kept
}

type Step =
  | { do: 'push'; end: 'head' | 'tail'; element: string; times: number }
  | { do: 'drop'; end: 'head' | 'tail'; times: number }
  | { do: 'dropMany'; end: 'head' | 'tail'; share: number }
  | { do: 'insert'; side: 'before' | 'after'; at: number; element: string; times: number }
  | { do: 'set'; at: number; element: string }
  | { do: 'remove'; at: number; count: number }
  | { do: 'trim'; from: number; to: number }
  | { do: 'rotate'; from: 'head' | 'tail'; to: 'head' | 'tail' }
  | { do: 'copy' }

/** Lengths around every boundary of the encoding and of the pages. */
const lengths = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 4, arbitrary: fc.constantFrom(62, 63, 64, 126, 127, 128, 129, 500) },
  { weight: 3, arbitrary: fc.integer({ min: 900, max: 3000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 4000, max: 9000 }) },
  { weight: 1, arbitrary: fc.constantFrom(16383, 16384, 65519, 65520, 65521, 70000) },
)
const elements = fc
  .tuple(lengths, fc.integer({ min: 0, max: 6 }))
  // Few different ones, so that searches find; every byte value, so that an entry's inside is never taken for its head.
  .map(([length, kind]) =>
    String.fromCharCode(...[0, 127, 128, 0xc0, 0xe0, 255, 65].slice(kind, kind + 1)).repeat(length),
  )
const ends = fc.constantFrom('head' as const, 'tail' as const)
const share = fc.double({ min: 0, max: 1, noNaN: true })
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      end: ends,
      element: elements,
      times: fc.integer({ min: 1, max: 300 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('drop' as const), end: ends, times: fc.integer({ min: 1, max: 200 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('dropMany' as const), end: ends, share }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('insert' as const),
      side: fc.constantFrom('before' as const, 'after' as const),
      at: share,
      element: elements,
      times: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('set' as const), at: share, element: elements }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('remove' as const), at: share, count: fc.integer({ min: -60, max: 60 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const), from: share, to: share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rotate' as const), from: ends, to: ends }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('copy' as const) }) },
)

/** Takes one step on a list and on an array, and returns both. */
function step(list: List, model: string[], taken: Step): [List, string[]] {
  switch (taken.do) {
    case 'push':
      // Huge elements in small numbers.
      for (let i = 0; i < Math.min(taken.times, 1 + 60000 / (taken.element.length + 1)); i++) {
        list.push(taken.end, Bytes.from(taken.element))
        if (taken.end === 'head') model.unshift(taken.element)
        else model.push(taken.element)
      }
      break
    case 'drop':
      for (let i = 0; i < taken.times && model.length > 0; i++) {
        expect(list.peek(taken.end, window)).toBe(true)
        expect(window.toString() === (taken.end === 'head' ? model.shift() : model.pop())).toBe(true)
        list.drop(taken.end)
      }
      break
    case 'dropMany': {
      const count = Math.floor(taken.share * model.length)
      list.dropMany(taken.end, count)
      if (taken.end === 'head') model.splice(0, count)
      else model.splice(model.length - count, count)
      break
    }
    case 'insert':
      for (let i = 0; i < Math.min(taken.times, 1 + 60000 / (taken.element.length + 1)); i++) {
        const pivot = model[Math.floor(taken.at * model.length)] ?? 'none'
        const at = model.indexOf(pivot)
        expect(list.insert(taken.side, Bytes.from(pivot), Bytes.from(taken.element))).toBe(at !== -1)
        if (at !== -1) model.splice(taken.side === 'before' ? at : at + 1, 0, taken.element)
      }
      break
    case 'set': {
      const at = Math.floor(taken.at * model.length)
      if (at < model.length) {
        list.set(at, Bytes.from(taken.element))
        model[at] = taken.element
      }
      break
    }
    case 'remove': {
      const element = model[Math.floor(taken.at * model.length)] ?? 'none'
      const kept = remove(model, taken.count, element)
      expect(list.remove(taken.count, Bytes.from(element))).toBe(model.length - kept.length)
      return [list, kept]
    }
    case 'trim': {
      const from = Math.floor(taken.from * model.length)
      const count = Math.floor(taken.to * (model.length - from))
      list.trim(from, count)
      return [list, model.slice(from, from + count)]
    }
    case 'rotate':
      list.rotate(taken.from, taken.to)
      if (model.length > 0) {
        const element = taken.from === 'head' ? model.shift()! : model.pop()!
        if (taken.to === 'head') model.unshift(element)
        else model.push(element)
      }
      break
    case 'copy': {
      const copy = list.copy(list.arena)
      list.free()
      return [copy, model]
    }
  }
  return [list, model]
}

function expectSame(list: List, model: string[]): void {
  expect(list.length).toBe(model.length)
  const listed = range(list)
  // Compared as one: a difference in long lists is reported by its place, not by a megabyte of text.
  expect(listed.findIndex((element, i) => element !== model[i])).toBe(-1)
  expect(listed.length).toBe(model.length)
  const backwards = rangeBackwards(list, model.length - 1, model.length).reverse()
  expect(backwards.findIndex((element, i) => element !== model[i])).toBe(-1)
  for (let i = 0; i < 5 && model.length > 0; i++) {
    const index = Math.floor((i / 5) * model.length)
    expect(list.at(index, window)).toBe(true)
    expect(window.toString() === model[index]).toBe(true)
    const count = Math.min(model.length - index, 10)
    expect(range(list, index, count).every((element, n) => element === model[index + n])).toBe(true)
  }
  expect(list.at(model.length, window)).toBe(false)
}

describe('a list', () => {
  test('does at every step what an array does, and gives all memory back', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 40, size: 'max' }), (taken) => {
        const arena = new Arena()
        let list = new List(arena, host)
        let model: string[] = []
        for (const one of taken) {
          ;[list, model] = step(list, model, one)
          expectSame(list, model)
          // What was long for a moment is a quicklist, what is short again a listpack.
          list.beforeAdding(0, 0)
          list.afterRemoving()
          list.check()
          expect(arena.usedBytes).toBe(list.bytes)
        }
        list.free()
        expect(arena.usedBytes).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  test('can be walked in both directions from anywhere', () => {
    const list = new List(new Arena(), host)
    for (let i = 0; i < 5000; i++) list.push('tail', Bytes.from(`element ${i}`))
    list.seek(2500, position)
    for (let i = 2500; i < 5000; i++) {
      expect(list.matches(position, Bytes.from(`element ${i}`))).toBe(true)
      expect(list.next(position)).toBe(i < 4999)
    }
    list.seek(2500, position)
    for (let i = 2500; i >= 0; i--) {
      expect(list.element(position, window).toString()).toBe(`element ${i}`)
      expect(list.previous(position)).toBe(i > 0)
    }
  })

  testOfSizes('is as compact from either end: two bytes of overhead for a small element', () => {
    for (const end of ['head', 'tail'] as const) {
      const list = new List(new Arena(), host)
      const element = Bytes.from('x'.repeat(20))
      for (let i = 0; i < 100_000; i++) list.push(end, element)
      expect(list.bytes / list.length).toBeLessThan(22.2)
    }
  })

  test('stays small as a queue whatever passed through it', () => {
    const arena = new Arena()
    const list = new List(arena, host)
    for (let i = 0; i < 50_000; i++) {
      list.push('tail', Bytes.from(`job ${i}`))
      if (i >= 10) {
        list.peek('head', window)
        expect(window.toString()).toBe(`job ${i - 10}`)
        list.drop('head')
      }
    }
    expect(list.length).toBe(10)
    expect(list.bytes).toBeLessThan(1000)
  })

  test('shrinks with what it holds', () => {
    const list = new List(new Arena(), host)
    for (let i = 0; i < 20_000; i++) list.push('tail', Bytes.from('some element'))
    expect(list.bytes).toBeGreaterThan(250_000)
    list.trim(10_000, 3)
    expect(range(list)).toEqual(['some element', 'some element', 'some element'])
    expect(list.bytes).toBeLessThan(1000)
  })

  test('does not fall apart into tiny pages when elements are removed all over it', () => {
    const list = new List(new Arena(), host)
    for (let i = 0; i < 20_000; i++) list.push('tail', Bytes.from(i % 20 === 0 ? 'keep' : 'away'))
    expect(list.remove(0, Bytes.from('away'))).toBe(19_000)
    expect(list.bytes).toBeLessThan(3 * 1000 * 6)
  })

  test('keeps elements of up to megabytes, counts them and lets them go', () => {
    const arena = new Arena()
    const list = new List(arena, host)
    const big = 'y'.repeat(3_000_000)
    list.push('tail', Bytes.from(big))
    list.push('tail', Bytes.from('small'))
    list.push('head', Bytes.from(big))
    expect(arena.usedBytes).toBeGreaterThan(6_000_000)
    expect(list.remove(1, Bytes.from(big))).toBe(1)
    expect(arena.usedBytes).toBeLessThan(3_001_000)
    list.set(0, Bytes.from('tiny'))
    expect(arena.usedBytes).toBeLessThan(1000)
    expect(range(list)).toEqual(['tiny', 'small'])
  })

  test('copies are independent', () => {
    const arena = new Arena()
    const other = new Arena()
    const list = new List(arena, host)
    for (let i = 0; i < 2000; i++) list.push('head', Bytes.from(`e${i}`))
    list.push('head', Bytes.from('z'.repeat(100_000)))
    const copy = list.copy(other)
    list.set(0, Bytes.from('changed'))
    list.dropMany('tail', 1999)
    expect(range(list)).toEqual(['changed', 'e1999'])
    expect(copy.length).toBe(2001)
    expect(range(copy, 0, 2)).toEqual(['z'.repeat(100_000), 'e1999'])
    copy.free()
    expect(other.usedBytes).toBe(0)
  })
})

describe('the encoding of a list', () => {
  /** Pushes as a command would, telling the list first. */
  function push(list: List, limit: number, ...added: string[]): void {
    host.limits.list.listpackSize = limit
    list.beforeAdding(added.join('').length, added.length)
    for (const element of added) list.push('tail', Bytes.from(element))
  }
  function pop(list: List, limit: number, count = 1): void {
    host.limits.list.listpackSize = limit
    list.dropMany('head', count)
    list.afterRemoving()
  }

  test('turns from listpack to quicklist above a count and back at half of it', () => {
    const list = new List(new Arena(), host)
    push(list, 4, 'a', 'b', 'c', 'd')
    expect(list.encoding).toBe('listpack')
    push(list, 4, 'e')
    expect(list.encoding).toBe('quicklist')
    // Two elements, but the last of them has a node of its own.
    pop(list, 4, 3)
    expect(list.encoding).toBe('quicklist')
    pop(list, 4)
    expect(list.encoding).toBe('listpack')
    push(list, 4, 'x', 'y', 'z')
    expect(list.encoding).toBe('listpack')
  })

  test('turns above a size in bytes, counted as a listpack counts, before the new elements are packed', () => {
    const list = new List(new Arena(), host)
    // 7 + 1020 × 8 = 8167; one of 25 more bytes fits exactly, one of 26 does not.
    for (let i = 0; i < 1020; i++) push(list, -2, 'abcdef')
    expect(list.encoding).toBe('listpack')
    list.beforeAdding(25, 1)
    expect(list.encoding).toBe('listpack')
    list.beforeAdding(26, 1)
    expect(list.encoding).toBe('quicklist')
    pop(list, -2, 509)
    // 7 + 511 × 8 = 4095
    expect(list.encoding).toBe('listpack')
  })

  test('counts integers as packed', () => {
    const list = new List(new Arena(), host)
    // Three bytes each as integers, six as text.
    for (let i = 0; i < 2700; i++) push(list, -2, '1234')
    expect(list.encoding).toBe('listpack')
    for (let i = 0; i < 40; i++) push(list, -2, '1234')
    expect(list.encoding).toBe('quicklist')
  })

  test('is remembered through growth to many pages and back', () => {
    const list = new List(new Arena(), host)
    for (let i = 0; i < 50_000; i++) push(list, -2, 'abcdef')
    for (let left = 50_000; left > 512; left--) {
      pop(list, -2)
      expect(list.encoding).toBe('quicklist')
    }
    pop(list, -2)
    expect(list.encoding).toBe('listpack')
  })

  test('never lets a counted listpack pass 8 KiB, and takes limits below -5 for -5', () => {
    const counted = new List(new Arena(), host)
    push(counted, 1000, 'x'.repeat(9000))
    expect(counted.encoding).toBe('quicklist')
    const sized = new List(new Arena(), host)
    push(sized, -100, 'x'.repeat(60_000))
    expect(sized.encoding).toBe('listpack')
    push(sized, -100, 'x'.repeat(6000))
    expect(sized.encoding).toBe('quicklist')
  })

  test('survives a copy', () => {
    const list = new List(new Arena(), host)
    push(list, 2, 'a', 'b', 'c')
    expect(list.copy(new Arena()).encoding).toBe('quicklist')
  })
})
