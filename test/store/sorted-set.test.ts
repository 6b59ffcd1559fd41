import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arena, ArenaFull } from '../../src/store/memory/arena.ts'
import { ScoreSpan } from '../../src/store/sorted-set/score-span.ts'
import { ABSENT, SortedSet, SortedSetPosition } from '../../src/store/sorted-set/sorted-set.ts'
import { LexRange, RankRange, ScoreRange } from '../../src/store/sorted-set/sorted-set-range.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { structureHost } from '../support/structure-host.ts'

const host = structureHost()
/** Where sorted sets are skiplists from their first member on. */
const noListpacks = structureHost({ sortedSet: { entries: 0, value: 0 } })

/** The naive sorted set. */
class Model {
  readonly scores = new Map<string, number>()

  get sorted(): [string, number][] {
    return [...this.scores].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : a > b ? 1 : 0))
  }
}

const position = new SortedSetPosition()
const window = new Bytes()
const ranks = new RankRange()

function contentOf(set: SortedSet): [string, number][] {
  const content: [string, number][] = []
  if (set.length === 0) return content
  set.seek(0, position)
  do content.push([set.memberAt(position, window).toString(), position.score])
  while (set.next(position))
  expect(position.rank).toBe(content.length)
  const backwards: [string, number][] = []
  set.seek(set.length - 1, position)
  do backwards.push([set.memberAt(position, window).toString(), position.score])
  while (set.previous(position))
  expect(backwards.reverse()).toEqual(content)
  return content
}

function lex(min: string, max: string): LexRange {
  const range = new LexRange()
  for (const [bound, text] of [
    [range.min, min],
    [range.max, max],
  ] as const) {
    bound.infinite = text === '-' ? -1 : text === '+' ? 1 : 0
    bound.exclusive = text[0] === '('
    const member = Bytes.from(text.slice(1))
    bound.member.set(member.source, member.start, member.length)
  }
  return range
}

const memberName = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 400 }).map((i) => `member:${i}`) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 300 }).map((length) => 'x'.repeat(length)) },
  { weight: 1, arbitrary: fc.constantFrom('', 'a', 'b', '\0', '\xff', '\xff\xff', 'long'.repeat(5000)) },
)
const scoreValue = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom(0.5, -0.25, 1e300, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.double({ noNaN: true }).map((value) => value + 0),
)
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('add' as const), member: memberName, score: scoreValue }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('remove' as const), member: memberName }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('many' as const), seed: fc.nat(), count: fc.nat({ max: 200 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('range' as const), from: fc.nat(), count: fc.nat({ max: 60 }) }),
  },
)

/** An arena that is full after some allocations. */
class FailingArena extends Arena {
  left = Number.POSITIVE_INFINITY

  override allocate(length: number): number {
    if (this.left-- <= 0) throw new ArenaFull()
    return super.allocate(length)
  }
}

describe('a sorted set', () => {
  test('changes nothing where memory is short, and can be emptied without any', () => {
    const arena = new FailingArena()
    const set = new SortedSet(arena, host)
    const random = new Random(5)
    let failures = 0
    for (let i = 0; i < 3000; i++) {
      const before = i % 100 === 0 ? contentOf(set) : undefined
      const member = Bytes.from(`member:${i < 300 ? i : random.below(3000)}`)
      arena.left = before !== undefined || random.below(3) === 0 ? random.below(4) : Number.POSITIVE_INFINITY
      try {
        set.add(member, random.below(20))
      } catch (error) {
        expect(error).toBeInstanceOf(ArenaFull)
        failures++
        arena.left = Number.POSITIVE_INFINITY
        if (before !== undefined) expect(contentOf(set)).toEqual(before)
        set.add(member, random.below(20))
      }
    }
    expect(failures).toBeGreaterThan(100)
    arena.left = 0
    expect(() => set.copy(arena)).toThrow(ArenaFull)
    while (set.length > 0) set.removeRange(random.below(set.length), 1)
    arena.left = Number.POSITIVE_INFINITY
    for (let i = 0; i < 100; i++) set.add(Bytes.from(`${i}`), i)
    const small = new SortedSet(arena, host)
    for (let i = 0; i < 100; i++) small.add(Bytes.from(`${i}`), i)
    arena.left = 0
    for (let i = 0; i < 100; i++) expect(small.remove(Bytes.from(`${i}`))).toBe(true)
    small.free()
    set.free()
    expect(arena.usedBytes).toBe(0)
  })

  test('does what a naive one does, small and large', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const arena = new Arena()
        const set = new SortedSet(arena, host)
        const model = new Model()
        for (const action of steps) {
          if (action.kind === 'add') {
            const isNew = !model.scores.has(action.member)
            expect(set.add(Bytes.from(action.member), action.score)).toBe(isNew)
            model.scores.set(action.member, action.score + 0)
          } else if (action.kind === 'remove') {
            expect(set.remove(Bytes.from(action.member))).toBe(model.scores.delete(action.member))
          } else if (action.kind === 'many') {
            const random = new Random(action.seed)
            for (let i = 0; i < action.count; i++) {
              const member = `member:${random.below(1000)}`
              const score = random.below(50)
              set.add(Bytes.from(member), score)
              model.scores.set(member, score)
            }
          } else {
            const { sorted } = model
            const from = sorted.length === 0 ? 0 : action.from % sorted.length
            const gone = sorted.slice(from, from + action.count)
            for (const [member] of gone) model.scores.delete(member)
            set.removeRange(from, gone.length)
          }
        }
        const { sorted } = model
        expect(contentOf(set)).toEqual(sorted)
        expect(set.length).toBe(sorted.length)
        for (const [rank, [member, score]] of sorted.entries()) {
          const handle = set.find(Bytes.from(member))
          expect(set.scoreOf(handle)).toBe(score)
          expect(set.rankOf(handle, Bytes.from(member))).toBe(rank)
          expect(set.countBelow(score, false)).toBe(sorted.filter(([, other]) => other < score).length)
          expect(set.countBelow(score, true)).toBe(sorted.filter(([, other]) => other <= score).length)
          if (rank > 30) break
        }
        expect(set.find(Bytes.from('no such member'))).toBe(ABSENT)
        const copy = set.copy(arena)
        expect(contentOf(copy)).toEqual(sorted)
        expect(copy.encoding).toBe(set.encoding)
        set.free()
        expect(contentOf(copy)).toEqual(sorted)
        copy.free()
        expect(arena.usedBytes).toBe(0)
      }),
      { numRuns: 75 },
    )
  })

  test('finds ranges by member where all scores are equal, small and large', () => {
    for (const size of [0, 1, 5, 100, 1000]) {
      const arena = new Arena()
      const set = new SortedSet(arena, host)
      const random = new Random(size)
      const members = new Set<string>()
      while (members.size < size) members.add(random.below(3000).toString(36))
      for (const member of members) set.add(Bytes.from(member), 3)
      const sorted = [...members].sort()
      const content = contentOf(set)
      const inRange = (min: string, max: string) =>
        sorted.filter(
          (member) =>
            (min === '-' || (min !== '+' && (min[0] === '(' ? member > min.slice(1) : member >= min.slice(1)))) &&
            (max === '+' || (max !== '-' && (max[0] === '(' ? member < max.slice(1) : member <= max.slice(1)))),
        )
      for (let i = 0; i < 200; i++) {
        const end = () => {
          const word = random.below(3) > 0 && size > 0 ? sorted[random.below(size)]! : random.below(3000).toString(36)
          return ['-', '+', `[${word}`, `[${word}`, `(${word}`, `(${word}`][random.below(6)]!
        }
        const [min, max] = [end(), end()]
        const expected = inRange(min, max)
        for (const backwards of [false, true]) {
          set.lexRange(lex(min, max), backwards, ranks)
          expect(content.slice(ranks.start, ranks.end).map(([member]) => member)).toEqual(expected)
        }
      }
      expect(contentOf(set)).toEqual(content)
      set.free()
      expect(arena.usedBytes).toBe(0)
    }
  })

  test('finds ranges by score with open and closed ends', () => {
    const set = new SortedSet(new Arena(), host)
    for (let i = 0; i < 500; i++) set.add(Bytes.from(`${i}`), Math.floor(i / 5))
    const content = contentOf(set)
    const range = new ScoreRange()
    const random = new Random(9)
    for (let i = 0; i < 300; i++) {
      range.min = random.below(240) / 2 - 10
      range.max = random.below(240) / 2 - 10
      range.minExclusive = random.below(2) === 0
      range.maxExclusive = random.below(2) === 0
      set.scoreRange(range, ranks)
      const expected = content.filter(
        ([, score]) =>
          (range.minExclusive ? score > range.min : score >= range.min) &&
          (range.maxExclusive ? score < range.max : score <= range.max),
      )
      expect(ranks.end - ranks.start).toBe(expected.length)
      if (expected.length > 0) expect(content[ranks.start]).toEqual(expected[0])
    }
    expect(contentOf(set)).toEqual(content)
  })

  test('is a listpack up to its limits and never becomes one again', () => {
    const set = new SortedSet(new Arena(), host)
    for (let i = 0; i < 128; i++) set.add(Bytes.from(`${i}`), i)
    expect(set.encoding).toBe('listpack')
    set.add(Bytes.from('5'), 99)
    expect(set.encoding).toBe('listpack')
    set.add(Bytes.from('128'), 1)
    expect(set.encoding).toBe('skiplist')
    set.removeRange(0, 128)
    expect(set.encoding).toBe('skiplist')

    const long = new SortedSet(new Arena(), host)
    long.add(Bytes.from('x'.repeat(64)), 1)
    expect(long.encoding).toBe('listpack')
    long.add(Bytes.from('x'.repeat(65)), 1)
    expect(long.encoding).toBe('skiplist')

    // Beyond what the small form holds, if the settings say so.
    const wide = new SortedSet(new Arena(), structureHost({ sortedSet: { entries: 1000 } }))
    for (let i = 0; i < 1000; i++) wide.add(Bytes.from(`${i}`), i)
    expect(wide.encoding).toBe('listpack')
    const handles: number[] = []
    expect(wide.scan(0, 10, handles)).toBe(0)
    expect(handles.map((handle) => wide.memberOf(handle, window).toString())).toEqual(
      Array.from({ length: 1000 }, (_, i) => `${i}`),
    )
  })

  test('knows -0 only as a skiplist', () => {
    const member = Bytes.from('m')
    const listpack = new SortedSet(new Arena(), host)
    listpack.add(member, -0)
    expect(listpack.score(member)).toBe(0)
    listpack.add(member, 1)
    listpack.add(member, -0)
    expect(listpack.score(member)).toBe(0)

    const skiplist = new SortedSet(new Arena(), host)
    skiplist.becomeSkiplist()
    skiplist.add(member, -0)
    expect(skiplist.score(member)).toBe(-0)
    // An equal score changes nothing, not even its sign.
    skiplist.add(member, 0)
    expect(skiplist.score(member)).toBe(-0)
    skiplist.chooseEncoding()
    expect(skiplist.encoding).toBe('listpack')
    expect(skiplist.score(member)).toBe(0)

    const large = new SortedSet(new Arena(), structureHost({ sortedSet: { entries: 1000 } }))
    large.becomeSkiplist()
    for (let i = 0; i < 200; i++) large.add(Bytes.from(`${i}`), i % 2 === 0 ? -0 : 1)
    large.chooseEncoding()
    expect(contentOf(large).every(([, score]) => !Object.is(score, -0))).toBe(true)
    expect(large.score(Bytes.from('4'))).toBe(0)
  })

  test('chooses each member as often as any other', () => {
    // The chi-square statistic of 99 degrees of freedom is above 148.2 once in a thousand times.
    for (const home of [host, noListpacks]) {
      for (const extra of [0, 900]) {
        const set = new SortedSet(new Arena(), home)
        for (let i = 0; i < 100 + extra; i++) set.add(Bytes.from(`${i}`), i % 7)
        for (let i = 100; i < 100 + extra; i++) set.remove(Bytes.from(`${i}`))
        const random = new Random(12345)
        const counts = new Int32Array(100)
        for (let i = 0; i < 50_000; i++) {
          const score = set.randomMember(random, window)
          const index = Number(window.toString())
          // Asked only when it is wrong: an assertion takes longer than choosing a member.
          if (score !== index % 7) expect(score).toBe(index % 7)
          counts[index]!++
        }
        let statistic = 0
        for (const count of counts) statistic += (count - 500) ** 2 / 500
        expect(statistic).toBeLessThan(148.2)
      }
    }
  })

  test('a scan finds every member that is there throughout, whatever comes and goes', () => {
    fc.assert(
      // The fewest remain in the small form, or leave it on the way.
      fc.property(fc.nat(), fc.integer({ min: 1, max: 40 }), fc.constantFrom(20, 110, 300), (seed, count, size) => {
        const set = new SortedSet(new Arena(), noListpacks)
        const random = new Random(seed)
        const faithful = new Set<string>()
        for (let i = 0; i < size; i++) {
          set.add(Bytes.from(`m${i}`), random.below(10))
          if (i % 3 === 0) faithful.add(`m${i}`)
        }
        let cursor = 0
        const seen = new Set<string>()
        let pages = 0
        do {
          const handles: number[] = []
          cursor = set.scan(cursor, count, handles)
          expect(handles.length).toBeLessThanOrEqual(count)
          for (const handle of handles) seen.add(set.memberOf(handle, window).toString())
          // Once nothing changes any more the scan must come to its end.
          if (pages++ > 40) continue
          for (let i = random.below(20); i > 0; i--) {
            const member = `m${random.below(2 * size)}`
            if (faithful.has(member)) set.add(Bytes.from(member), random.below(10))
            else if (random.below(2) === 0) set.remove(Bytes.from(member))
            else set.add(Bytes.from(member), random.below(10))
          }
        } while (cursor !== 0)
        expect([...faithful].filter((member) => !seen.has(member))).toEqual([])
      }),
      { numRuns: 30 },
    )
  })

  test('is popped from both ends in order, however large its members', () => {
    const arena = new Arena()
    const set = new SortedSet(arena, host)
    const members = Array.from(
      { length: 6000 },
      (_, i) => [`${(i * 7919) % 6000}:${'x'.repeat(i % 40)}`, i >> 3] as const,
    )
    // Those that do not fit a block have buffers of their own.
    const left: [string, number][] = [...members.map(([m, s]): [string, number] => [m, s])]
    left.push(['a'.repeat(70_000), -1], ['b'.repeat(70_000), 0], ['c'.repeat(70_000), 1e6])
    for (const [member, score] of left) set.add(Bytes.from(member), score)
    left.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
    const random = new Random(5)
    while (left.length > 0) {
      const end = random.below(2) === 0 ? 'first' : 'last'
      const count = random.below(10) > 0 ? 1 : Math.min(left.length, 1 + random.below(200))
      const rank = end === 'first' ? 0 : left.length - count
      set.beforePopping(end)
      for (const [member, score] of left.splice(rank, count)) {
        expect(set.score(Bytes.from(member))).toBe(score)
      }
      set.removeRange(rank, count)
      expect(set.length).toBe(left.length)
      if (left.length > 0) {
        set.seek(0, position)
        expect(set.memberAt(position, window).toString()).toBe(left[0]![0])
        set.seek(left.length - 1, position)
        expect(set.memberAt(position, window).toString()).toBe(left[left.length - 1]![0])
      }
    }
    set.free()
    expect(arena.usedBytes).toBe(0)
  })

  test('is freed in slices', () => {
    const arena = new Arena()
    const set = new SortedSet(arena, host)
    for (let i = 0; i < 20_000; i++) set.add(Bytes.from(`member:${i}`), i)
    expect(set.bytes).toBeGreaterThan(20_000 * 40)
    expect(set.bytes).toBeLessThan(20_000 * 100)
    let slices = 1
    while (!set.freeSome(1000)) slices++
    expect(slices).toBeGreaterThanOrEqual(20)
    expect(arena.usedBytes).toBe(0)
  })
})

describe('runs of a sorted set', () => {
  test('hold all members from a score on, in either form and across leaves', () => {
    const run = new ScoreSpan()
    for (const size of [0, 1, 50, 1000]) {
      const set = new SortedSet(new Arena(), host)
      for (let i = 0; i < size; i++) set.add(Bytes.from(`m${i}`), Math.imul(i, 0x9e3779b1) % 300)
      const content = contentOf(set)
      for (const from of [Number.NEGATIVE_INFINITY, -300, -17, 0, 0.5, 150, 299, 300, Number.POSITIVE_INFINITY]) {
        const found: [string, number][] = []
        for (let more = set.seekScore(from, run); more; more = set.nextRun(run)) {
          expect(run.count).toBeGreaterThan(0)
          for (let i = 0; i < run.count; i++) {
            found.push([set.memberOfHandle(run.handle(i), window).toString(), run.score(i)])
          }
        }
        expect(found).toEqual(content.filter(([, score]) => score >= from))
      }
    }
  })
})
