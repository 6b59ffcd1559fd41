import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DeadlineHeap } from '../../src/util/time/deadline-heap.ts'

/** A heap whose owner remembers positions, as owners do. */
function createHeap() {
  const positions = new Map<number, number>()
  const heap = new DeadlineHeap((entry, position) => {
    if (position === -1) positions.delete(entry)
    else positions.set(entry, position)
  })
  return { heap, positions }
}

function check(heap: DeadlineHeap, positions: Map<number, number>, model: Map<number, number>): void {
  heap.check()
  expect(heap.count).toBe(model.size)
  expect(positions.size).toBe(model.size)
  for (const [entry, time] of model) {
    const position = positions.get(entry)!
    expect(heap.entryAt(position)).toBe(entry)
    expect(heap.timeAt(position)).toBe(time)
  }
  expect(heap.earliest).toBe(Math.min(...model.values()))
}

describe('DeadlineHeap', () => {
  test('knows the earliest deadline and every position through random changes', () => {
    const action = fc.record({
      kind: fc.constantFrom('add', 'add', 'change', 'remove', 'pop'),
      entry: fc.nat(60),
      time: fc.integer({ min: -5, max: 40 }),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const { heap, positions } = createHeap()
        const model = new Map<number, number>()
        for (const { kind, entry, time } of actions) {
          if (kind === 'add' && !model.has(entry)) {
            heap.add(entry, time)
            model.set(entry, time)
          } else if (kind === 'change' && model.has(entry)) {
            heap.change(positions.get(entry)!, time)
            model.set(entry, time)
          } else if (kind === 'remove' && model.has(entry)) {
            heap.remove(positions.get(entry)!)
            model.delete(entry)
          } else if (kind === 'pop' && model.size > 0) {
            const first = heap.entryAt(0)
            expect(model.get(first)).toBe(Math.min(...model.values()))
            heap.remove(0)
            model.delete(first)
          }
        }
        check(heap, positions, model)
      }),
    )
  })

  test('gives everything back in order across pages, and the pages themselves afterwards', () => {
    const { heap } = createHeap()
    const count = 20_000
    for (let i = 0; i < count; i++) heap.add(i, (i * 7919) % count)
    const full = heap.heldBytes
    const times = Array.from({ length: count }, () => {
      const time = heap.timeAt(0)
      heap.remove(0)
      return time
    })
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(heap.earliest).toBe(Number.POSITIVE_INFINITY)
    expect(heap.heldBytes).toBeLessThan(full / 2)
  })

  test('forgets everything when cleared, and can be used again', () => {
    const { heap } = createHeap()
    heap.add(1, 5)
    heap.clear()
    expect([heap.count, heap.earliest, heap.heldBytes]).toEqual([0, Number.POSITIVE_INFINITY, 0])
    heap.add(2, 9)
    expect([heap.entryAt(0), heap.earliest]).toEqual([2, 9])
  })
})
