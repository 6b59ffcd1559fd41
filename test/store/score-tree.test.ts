import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arena } from '../../src/store/memory/arena.ts'
import { ScoreTree, TreePosition } from '../../src/store/sorted-set/score-tree.ts'
import { Dictionary } from '../../src/store/structures/dictionary.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { testOfSizes } from '../support/sizes.ts'
import { HASH_KEY } from '../support/structure-host.ts'

interface Element {
  score: number
  member: string
}

const byOrder = (a: Element, b: Element): number =>
  a.score - b.score || (a.member < b.member ? -1 : a.member > b.member ? 1 : 0)

class TreeUnderTest {
  readonly arena = new Arena()
  readonly dictionary = new Dictionary(this.arena, HASH_KEY)
  readonly tree = new ScoreTree(this.arena, this.dictionary)
  readonly #window = new Bytes()

  insert({ score, member }: Element): void {
    const bytes = Bytes.from(member)
    this.tree.insert(score, bytes, this.dictionary.blockOf(this.dictionary.insert(bytes)))
  }

  remove({ score, member }: Element): void {
    const bytes = Bytes.from(member)
    this.tree.remove(score, bytes)
    this.dictionary.remove(this.dictionary.find(bytes))
  }

  removeRange(rank: number, count: number): void {
    const blocks = new Int32Array(64)
    while (count > 0) {
      const removed = this.tree.removeSome(rank, Math.min(count, 64), blocks)
      for (let i = 0; i < removed; i++) {
        this.dictionary.remove(this.dictionary.find(this.dictionary.memberOfBlock(blocks[i]!, this.#window)))
      }
      count -= removed
    }
  }

  move({ score, member }: Element, to: number): void {
    const bytes = Bytes.from(member)
    this.tree.move(score, bytes, this.dictionary.blockOf(this.dictionary.find(bytes)), to)
  }

  at(position: TreePosition): Element {
    const member = this.dictionary.memberOfBlock(this.tree.blockAt(position), this.#window).toString()
    return { score: this.tree.scoreAt(position), member }
  }

  /** All elements, walked forwards; checked against the walk backwards. */
  all(): Element[] {
    const elements: Element[] = []
    const { length } = this.tree
    if (length === 0) return elements
    const position = new TreePosition()
    this.tree.seek(0, position)
    do elements.push(this.at(position))
    while (this.tree.next(position))
    const backwards: Element[] = []
    this.tree.seek(length - 1, position)
    do backwards.push(this.at(position))
    while (this.tree.previous(position))
    expect(backwards.reverse()).toEqual(elements)
    return elements
  }

  free(): void {
    this.tree.free()
    this.dictionary.free()
    expect(this.arena.usedBytes).toBe(0)
  }
}

/** Compares ranks, counts and seeks at some places with a sorted array. */
function compare(subject: TreeUnderTest, model: readonly Element[], places: number, random: Random): void {
  const { tree } = subject
  expect(tree.length).toBe(model.length)
  const position = new TreePosition()
  for (let i = 0; i < places && model.length > 0; i++) {
    const rank = random.below(model.length)
    const element = model[rank]!
    tree.seek(rank, position)
    expect(subject.at(position)).toEqual(element)
    expect(tree.rankOf(element.score, Bytes.from(element.member))).toBe(rank)
    const first = model.findIndex(({ score }) => score >= element.score)
    const after = model.findIndex(({ score }) => score > element.score)
    expect(tree.countBelow(element.score, false)).toBe(first)
    expect(tree.countBelow(element.score, true)).toBe(after === -1 ? model.length : after)
    expect(tree.countBelow(element.score + 0.25, false)).toBe(after === -1 ? model.length : after)
  }
}

describe('the checked build', () => {
  test('finds what is out of order, and what a node no longer counts', () => {
    const subject = new TreeUnderTest()
    for (let i = 0; i < 1000; i++) subject.insert({ score: i, member: `m${i}` })
    subject.tree.check()
    const position = new TreePosition()
    subject.tree.seek(500, position)
    subject.tree.rewriteScore(position, 7)
    expect(() => subject.tree.check()).toThrow('each element is before the next')
    subject.tree.rewriteScore(position, 500)
    subject.tree.length--
    expect(() => subject.tree.check()).toThrow('the root counts all elements')
  })
})

describe('a score tree', () => {
  test('does what a sorted array does, whatever comes in whatever order', () => {
    const command = fc.record({
      kind: fc.constantFrom('insert', 'insert', 'insert', 'ascending', 'descending', 'remove', 'range', 'move', 'pop'),
      count: fc.integer({ min: 1, max: 400 }),
      seed: fc.integer(),
      scores: fc.constantFrom(1, 3, 50, 1e6),
    })
    fc.assert(
      fc.property(fc.array(command, { maxLength: 25 }), (commands) => {
        const subject = new TreeUnderTest()
        const model: Element[] = []
        let names = 0
        for (const { kind, count, seed, scores } of commands) {
          const random = new Random(seed)
          if (kind === 'range') {
            const rank = random.below(model.length + 1)
            const removed = model.splice(rank, count).length
            subject.removeRange(rank, removed)
          } else {
            for (let i = 0; i < count; i++) {
              if (kind === 'remove' || kind === 'pop' || kind === 'move') {
                if (model.length === 0) break
                const element = model.splice(kind === 'pop' ? 0 : random.below(model.length), 1)[0]!
                if (kind === 'move') {
                  const score = element.score + random.below(5) - 2
                  // An equal score changes nothing: -0 stays -0.
                  if (score === element.score) {
                    model.push(element)
                  } else {
                    subject.move(element, score)
                    model.push({ ...element, score })
                  }
                  model.sort(byOrder)
                } else {
                  subject.remove(element)
                }
              } else {
                const score = kind === 'insert' ? random.below(scores) : kind === 'ascending' ? names : -names
                const element = { score, member: `${random.below(1000)}:${names++}` }
                subject.insert(element)
                model.push(element)
              }
            }
            model.sort(byOrder)
          }
          compare(subject, model, 3, random)
          subject.tree.check()
          subject.dictionary.check()
        }
        expect(subject.all()).toEqual(model)
        subject.free()
      }),
      { numRuns: 20 },
    )
  })

  testOfSizes('knows ranks and counts after 30,000 random insertions and as many removals', () => {
    const subject = new TreeUnderTest()
    const random = new Random(42)
    let model: Element[] = []
    for (let i = 0; i < 30_000; i++) {
      const element = { score: random.below(6_000), member: `member:${i}` }
      subject.insert(element)
      model.push(element)
    }
    model.sort(byOrder)
    compare(subject, model, 50, random)
    expect(subject.all()).toEqual(model)
    // Nodes are at least half full in the mean: 12 bytes an element, and the levels above.
    expect(subject.tree.bytes).toBeLessThan(30_000 * 26)

    for (const keep of [0.5, 0.1, 0.02]) {
      const left: Element[] = []
      for (const element of model) {
        if (random.below(100_000) < keep * 100_000) left.push(element)
        else subject.remove(element)
      }
      model = left
      compare(subject, model, 50, random)
      expect(subject.all()).toEqual(model)
    }
    // Nor do emptied nodes stay.
    expect(subject.tree.bytes).toBeLessThan(model.length * 12 * 8)
    subject.removeRange(0, model.length)
    expect(subject.tree.length).toBe(0)
    expect(subject.tree.bytes).toBe(0)
    subject.free()
  })

  testOfSizes('leaves full leaves behind ascending scores', () => {
    const subject = new TreeUnderTest()
    for (let i = 0; i < 10_000; i++) subject.insert({ score: i, member: `${i}` })
    expect(subject.tree.bytes).toBeLessThan(10_000 * 13)
    subject.free()
  })

  test('counts members below another where all scores are equal', () => {
    const subject = new TreeUnderTest()
    const names = Array.from({ length: 3000 }, (_, i) => String.fromCharCode(i % 251, (i * 7) % 256) + i).sort()
    for (const member of names) subject.insert({ score: 0, member })
    for (const rank of [0, 1, 500, 1234, 2998, 2999]) {
      expect(subject.tree.countBelowMember(Bytes.from(names[rank]!), false)).toBe(rank)
      expect(subject.tree.countBelowMember(Bytes.from(names[rank]!), true)).toBe(rank + 1)
      expect(subject.tree.countBelowMember(Bytes.from(`${names[rank]}\0`), true)).toBe(rank + 1)
    }
    subject.free()
  })

  test('is freed in slices', () => {
    const subject = new TreeUnderTest()
    for (let i = 0; i < 5000; i++) subject.insert({ score: i % 100, member: `${i}` })
    let slices = 0
    while (!subject.tree.freeSome(300)) slices++
    expect(slices).toBeGreaterThan(10)
    expect(slices).toBeLessThan(40)
    subject.free()
  })
})
