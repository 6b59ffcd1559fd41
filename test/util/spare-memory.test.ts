// Buffers that were given back, and who gets them.

import { expect, test } from 'vitest'
import { Source } from '../../src/util/bytes/bytes.ts'
import { Discarded } from '../../src/util/memory/discarded.ts'
import { SpareMemory } from '../../src/util/memory/spare-memory.ts'

const KIB = 1024

/** Spare memory whose looks for use a test runs by hand. */
function spareMemory(): { spare: SpareMemory; look(): void; looks(): number } {
  const looks: (() => void)[] = []
  const spare = new SpareMemory((run) => looks.push(run))
  return { spare, look: () => looks.shift()!(), looks: () => looks.length }
}

function bufferOf(bytes: number): ArrayBuffer {
  return Source.allocate(bytes).u8.buffer as ArrayBuffer
}

test('a kept buffer serves the next request for as much, or a little less', () => {
  const { spare } = spareMemory()
  const buffer = bufferOf(256 * KIB)
  expect(spare.keep(buffer)).toBe(true)
  const source = spare.take(250 * KIB)
  expect(source.u8.buffer).toBe(buffer)
  expect([source.u8.length, source.view.byteLength]).toEqual([250 * KIB, 250 * KIB])
  // All of it is counted, and all of it is given back.
  expect([source.isWhole, source.bytes, spare.bytes]).toEqual([true, 256 * KIB, 0])
  expect(spare.take(250 * KIB).u8.buffer).not.toBe(buffer)
})

test('no request gets a buffer that is too small, or more than a quarter larger than needed', () => {
  for (let length = 1 * KIB; length <= 1024 * KIB; length = Math.ceil(length * 1.13)) {
    for (const kept of [length - 1, length, Math.floor(length * 1.1), Math.floor(length * 1.26)]) {
      const { spare } = spareMemory()
      spare.keep(bufferOf(kept))
      const { bytes, u8 } = spare.take(length)
      expect(u8.length).toBe(length)
      expect(bytes).toBeGreaterThanOrEqual(length)
      expect(bytes).toBeLessThanOrEqual(length * 1.25)
    }
  }
})

test('very small and very large buffers are not kept, nor more than 8 MiB', () => {
  const { spare } = spareMemory()
  expect(spare.keep(bufferOf(KIB - 1))).toBe(false)
  expect(spare.keep(bufferOf(1024 * KIB + 1))).toBe(false)
  for (let i = 0; i < 8; i++) expect(spare.keep(bufferOf(1024 * KIB))).toBe(true)
  expect(spare.keep(bufferOf(KIB))).toBe(false)
  expect(spare.bytes).toBe(8192 * KIB)
})

test('a buffer that is not requested is given back to the system', () => {
  const { spare, look, looks } = spareMemory()
  const buffer = bufferOf(64 * KIB)
  spare.keep(buffer)
  spare.take(128 * KIB)
  look()
  expect([spare.bytes, buffer.byteLength, looks()]).toEqual([64 * KIB, 64 * KIB, 1])
  look()
  expect([spare.bytes, buffer.byteLength, looks()]).toEqual([0, 0, 0])
})

test('a held buffer stays unchanged until the last holder releases it, though its owner has discarded it', () => {
  const { spare } = spareMemory()
  const discarded = new Discarded(spare)
  const source = Source.allocate(64 * KIB)
  const { buffer } = source.u8
  discarded.hold(buffer)
  discarded.hold(buffer)
  discarded.add(source)
  discarded.giveBack()
  discarded.release(buffer)
  discarded.giveBack()
  expect(spare.bytes).toBe(0)
  discarded.release(buffer)
  discarded.giveBack()
  expect(spare.bytes).toBe(64 * KIB)
})

test('a part of a buffer cannot be given back', () => {
  const { spare } = spareMemory()
  const discarded = new Discarded(spare)
  discarded.add(new Source(Buffer.allocUnsafeSlow(64 * KIB).subarray(0, 32 * KIB)))
  discarded.giveBack()
  expect(spare.bytes).toBe(0)
})
