import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arena } from '../../src/store/memory/arena.ts'
import {
  PACKED_FIRST,
  packedAppend,
  packedCheck,
  packedCount,
  packedElement,
  packedEnd,
  packedFind,
  packedFits,
  packedFree,
  packedInsert,
  packedNext,
  packedOffset,
  packedPrevious,
  packedRemove,
  packedReplace,
} from '../../src/store/structures/packed.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'

const window = new Bytes()

function elements(arena: Arena, ref: number): string[] {
  const found: string[] = []
  const end = packedEnd(arena, ref)
  for (let at = PACKED_FIRST; at < end; at = packedNext(arena, ref, at)) {
    found.push(packedElement(arena, ref, at, window).toString())
  }
  return found
}

function backwards(arena: Arena, ref: number): string[] {
  const found: string[] = []
  for (let at = packedEnd(arena, ref); at > PACKED_FIRST; ) {
    at = packedPrevious(arena, ref, at)
    found.push(packedElement(arena, ref, at, window).toString())
  }
  return found
}

const element = fc.oneof(
  { weight: 5, arbitrary: fc.string({ maxLength: 20, unit: 'binary-ascii' }) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 200 }).map((n) => 'y'.repeat(n)) },
)
const step = fc.record({
  what: fc.constantFrom('append', 'insert', 'replace', 'remove'),
  where: fc.nat(1000),
  element,
})

describe('a packed sequence', () => {
  it('holds what an array holds', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const arena = new Arena()
        const model: string[] = []
        let ref = 0
        for (const { what, where, element: text } of steps) {
          const bytes = Bytes.from(text)
          const index = model.length === 0 ? 0 : where % model.length
          if (what === 'append' || model.length === 0) {
            if (!packedFits(arena, ref, text.length)) continue
            ref = packedAppend(arena, ref, bytes)
            model.push(text)
          } else if (what === 'insert') {
            if (!packedFits(arena, ref, text.length)) continue
            ref = packedInsert(arena, ref, packedOffset(arena, ref, index), bytes)
            model.splice(index, 0, text)
          } else if (what === 'replace') {
            ref = packedReplace(arena, ref, packedOffset(arena, ref, index), bytes)
            model[index] = text
          } else {
            const count = Math.min(model.length - index, 2)
            ref = packedRemove(arena, ref, packedOffset(arena, ref, index), count)
            model.splice(index, count)
          }
        }
        packedCheck(arena, ref)
        expect(elements(arena, ref)).toEqual(model)
        expect(backwards(arena, ref)).toEqual([...model].reverse())
        expect(packedCount(arena, ref)).toBe(model.length)
        model.forEach((text) => {
          expect(packedFind(arena, ref, Bytes.from(text), 1)).toBe(packedOffset(arena, ref, model.indexOf(text)))
        })
        packedFree(arena, ref)
        expect(arena.usedBytes).toBe(0)
      }),
    )
  })

  it('is searched at every second element when the others are values', () => {
    const arena = new Arena()
    let ref = 0
    for (const text of ['a', 'b', 'b', 'c', 'z'.repeat(150), 'd']) ref = packedAppend(arena, ref, Bytes.from(text))
    expect(packedFind(arena, ref, Bytes.from('b'), 2)).toBe(packedOffset(arena, ref, 2))
    expect(packedFind(arena, ref, Bytes.from('c'), 2)).toBe(-1)
    expect(packedFind(arena, ref, Bytes.from('z'.repeat(150)), 2)).toBe(packedOffset(arena, ref, 4))
  })

  it('copies into another arena', () => {
    const arena = new Arena()
    const other = new Arena()
    const ref = packedAppend(arena, packedAppend(arena, 0, Bytes.from('one')), Bytes.from('two'))
    const copy = arena.copyBlock(ref, other)
    packedFree(arena, ref)
    expect(elements(other, copy)).toEqual(['one', 'two'])
  })
})
