import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Pattern, PatternIndex } from '../../src/broker/pattern-index.ts'
import { globMatch } from '../../src/util/bytes/glob.ts'

/** Few letters, so that patterns share prefixes and match. */
const channel = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 6 })
const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?', '[', ']', '\\', '^', '-'), maxLength: 6 })

function found(index: PatternIndex, name: string): string[] {
  const patterns: Pattern[] = []
  index.match(name, patterns)
  return patterns.map((p) => p.name)
}

test('a channel meets exactly the patterns that match it, in the order in which they came', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(fc.record({ add: pattern }), fc.record({ remove: fc.nat(30) }), fc.record({ publish: channel })),
        { maxLength: 60 },
      ),
      (steps) => {
        const index = new PatternIndex()
        let model: Pattern[] = []
        let sequence = 0
        for (const step of steps) {
          if ('add' in step) {
            if (model.some((p) => p.name === step.add)) continue
            const added = new Pattern(step.add, sequence++)
            model.push(added)
            index.add(added)
          } else if ('remove' in step) {
            const removed = model[step.remove]
            if (removed === undefined) continue
            model = model.filter((p) => p !== removed)
            index.remove(removed)
          } else {
            const expected = model.filter((p) => globMatch(p.name, step.publish)).map((p) => p.name)
            expect(found(index, step.publish)).toEqual(expected)
          }
        }
        for (const left of model) index.remove(left)
        expect(index.nodes).toBe(1)
      },
    ),
    { numRuns: 2000 },
  )
})

test('only patterns along the path of a channel are asked', () => {
  const index = new PatternIndex()
  let asked = 0
  for (let i = 0; i < 1000; i++) {
    const added = new Pattern(`news.${i}.*`, i)
    const { matches } = added
    added.matches = (name) => {
      asked++
      return matches.call(added, name)
    }
    index.add(added)
  }
  expect(found(index, 'news.500.today')).toEqual(['news.500.*'])
  expect(asked).toBe(1)
})

test('a star alone matches every channel but the empty one, which only the empty pattern matches', () => {
  const index = new PatternIndex()
  ;['*', '**', ''].forEach((name, i) => {
    index.add(new Pattern(name, i))
  })
  expect(found(index, 'a')).toEqual(['*', '**'])
  expect(found(index, '')).toEqual([''])
})

test('a star after a prefix matches the prefix itself', () => {
  const index = new PatternIndex()
  index.add(new Pattern('news.*', 0))
  index.add(new Pattern('news.**', 1))
  expect(found(index, 'news.')).toEqual(['news.*', 'news.**'])
  expect(found(index, 'news')).toEqual([])
})
