import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arena, BLOCK_CONTENT_BYTES_MAX } from '../../src/store/memory/arena.ts'
import { GUARD_BYTES } from '../../src/store/memory/block-guard.ts'

/** The first chunk, which an arena keeps. */
const CHUNK_BYTES = 4 * 1024 * 1024

const SLAB_BYTES = 256 * 1024
/** Largest blocks in a slab. */
const LARGEST_BYTES = BLOCK_CONTENT_BYTES_MAX + 4 + GUARD_BYTES
const LARGEST_IN_SLAB = Math.floor(SLAB_BYTES / LARGEST_BYTES)
const FIRST_SLAB_LACKS_ONE = Math.floor((SLAB_BYTES - 8) / LARGEST_BYTES) < LARGEST_IN_SLAB

describe('the arena', () => {
  test('gives every block room of its own, whatever is allocated and freed in between', () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          length: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: BLOCK_CONTENT_BYTES_MAX })),
          times: fc.integer({ min: 1, max: 40 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ free: fc.integer({ min: 1, max: 40 }), from: fc.nat() }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const arena = new Arena()
        const live: { ref: number; length: number; mark: number }[] = []
        let marks = 0
        let used = 0
        const check = (block: { ref: number; length: number; mark: number }) => {
          const { u8 } = arena.source(block.ref)
          const start = arena.start(block.ref)
          const end = start + arena.capacity(block.ref)
          // Whoever else wrote here would have left another mark.
          let wrong = -1
          for (let i = start; i < end; i++) if (u8[i] !== block.mark) wrong = i - start
          expect([arena.length(block.ref), wrong]).toEqual([block.length, -1])
        }
        for (const one of steps) {
          if ('length' in one) {
            for (let i = 0; i < one.times; i++) {
              const block = { ref: arena.allocate(one.length), length: one.length, mark: ++marks & 0xff }
              expect(block.ref).toBeGreaterThan(0)
              const capacity = arena.capacity(block.ref)
              expect(capacity).toBeGreaterThanOrEqual(one.length)
              arena.source(block.ref).u8.fill(block.mark, arena.start(block.ref), arena.start(block.ref) + capacity)
              used += capacity + 4
              live.push(block)
            }
          } else {
            for (let i = 0; i < one.free && live.length > 0; i++) {
              const [block] = live.splice((one.from + i * 7) % live.length, 1)
              check(block!)
              used -= arena.capacity(block!.ref) + 4
              arena.free(block!.ref)
            }
          }
          expect(arena.usedBytes).toBe(used)
          arena.check()
        }
        for (const block of live) {
          check(block)
          arena.free(block.ref)
        }
        expect(arena.usedBytes).toBe(0)
        expect(arena.heldBytes).toBeLessThanOrEqual(2 * CHUNK_BYTES)
      }),
      { numRuns: 20 },
    )
  }, 30_000)

  test('wastes at most an eighth of a block of more than 128 bytes, and 7 bytes and its length of a smaller one', () => {
    const arena = new Arena()
    for (let length = 0; length <= BLOCK_CONTENT_BYTES_MAX; length++) {
      const ref = arena.allocate(length)
      const unused = arena.capacity(ref) - length
      if (unused < 0 || unused > Math.max(7, arena.capacity(ref) / 8)) expect([length, unused]).toBe('less')
      arena.free(ref)
    }
  })

  test('uses a freed block again before anything else', () => {
    const arena = new Arena()
    const refs = Array.from({ length: 10 }, () => arena.allocate(100))
    arena.free(refs[3]!)
    arena.free(refs[7]!)
    expect([arena.allocate(98), arena.allocate(100)].sort()).toEqual([refs[3], refs[7]].sort())
  })

  test('lets an emptied slab serve another size', () => {
    const arena = new Arena()
    // A whole chunk of small blocks; once they are gone the large ones need no other chunk.
    const small = Array.from({ length: Math.floor(SLAB_BYTES / (128 + GUARD_BYTES)) * 16 - 1 }, () =>
      arena.allocate(124),
    )
    expect(arena.heldBytes).toBe(CHUNK_BYTES)
    for (const ref of small) arena.free(ref)
    const large = Array.from({ length: 15 * LARGEST_IN_SLAB }, () => arena.allocate(BLOCK_CONTENT_BYTES_MAX))
    expect(arena.heldBytes).toBe(CHUNK_BYTES)
    for (const ref of large) arena.free(ref)
    expect(arena.usedBytes).toBe(0)
  })

  test('keeps what it counts of its slabs when there are more than it began with', () => {
    const arena = new Arena()
    const sizes = [BLOCK_CONTENT_BYTES_MAX, 20_000, 3000, 100]
    const refs: number[] = []
    for (let i = 0; arena.heldBytes < 20 * CHUNK_BYTES; i++) refs.push(arena.allocate(sizes[i % sizes.length]!))
    for (let i = 0; i < refs.length; i++) expect(arena.length(refs[i]!)).toBe(sizes[i % sizes.length])
    const used = arena.usedBytes
    for (let i = 0; i < refs.length; i += 2) arena.free(refs[i]!)
    for (let i = 0; i < refs.length; i += 2) refs[i] = arena.allocate(sizes[i % sizes.length]!)
    expect(arena.usedBytes).toBe(used)
    expect(new Set(refs).size).toBe(refs.length)
    for (const ref of refs) arena.free(ref)
    expect(arena.usedBytes).toBe(0)
    expect(arena.heldBytes).toBe(CHUNK_BYTES)
  })

  test('gives empty chunks back but the first, and asks for them again', async () => {
    const arena = new Arena()
    for (let round = 0; round < 3; round++) {
      const refs = Array.from({ length: 80 * LARGEST_IN_SLAB }, () => arena.allocate(BLOCK_CONTENT_BYTES_MAX))
      // The arena's first granule is never given out, so its slab may hold one block less.
      expect(arena.heldBytes).toBe((FIRST_SLAB_LACKS_ONE ? 81 : 80) * SLAB_BYTES)
      const { u8 } = arena.chunks[1]!
      for (const ref of refs) arena.free(ref)
      expect(arena.heldBytes).toBe(CHUNK_BYTES)
      expect(arena.chunks.filter((chunk) => chunk !== undefined).length).toBe(1)
      // Readable while the command runs, gone after it.
      expect(u8.length).toBe(8 * CHUNK_BYTES)
      await new Promise((resolve) => setImmediate(resolve))
      expect(u8.length).toBe(0)
    }
  })

  test('keeps an empty chunk that was hardly used', () => {
    const arena = new Arena()
    const fill = () => Array.from({ length: 17 * LARGEST_IN_SLAB + 2 }, () => arena.allocate(BLOCK_CONTENT_BYTES_MAX))
    const refs = fill()
    const second = arena.chunks[1]
    for (const ref of refs) arena.free(ref)
    expect(arena.chunks[1]).toBe(second)
    fill()
    expect(arena.chunks[1]).toBe(second)
  })

  test('changes the length of a block within its capacity', () => {
    const arena = new Arena()
    const ref = arena.allocate(100)
    arena.setLength(ref, arena.capacity(ref))
    expect(arena.length(ref)).toBe(arena.capacity(ref))
    arena.setLength(ref, 0)
    expect(arena.length(ref)).toBe(0)
    expect(arena.capacity(ref)).toBe(100)
  })

  test('counts what lies outside it when told', () => {
    const arena = new Arena()
    arena.account(500)
    const ref = arena.allocate(4)
    expect(arena.usedBytes).toBe(508)
    arena.free(ref)
    arena.account(-500)
    expect(arena.usedBytes).toBe(0)
  })
})
