import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Source } from '../../src/util/bytes/bytes.ts'
import { LZF_EXPANSION_MAX, lzfCompress, lzfDecompress } from '../../src/util/bytes/lzf.ts'

function compress(bytes: Uint8Array, max = bytes.length * 2 + 8): Buffer | undefined {
  const target = Source.allocate(max + 16)
  target.u8.fill(0xee)
  const length = lzfCompress(new Source(Buffer.from(bytes)), 0, bytes.length, target, 8, max)
  expect(target.u8.subarray(8 + max).every((byte) => byte === 0xee)).toBe(true)
  return length === 0 ? undefined : Buffer.from(target.u8.subarray(8, 8 + length))
}

function decompress(bytes: Uint8Array, size: number): Buffer | undefined {
  const target = Source.allocate(size + 16)
  target.u8.fill(0xee)
  const whole = lzfDecompress(new Source(Buffer.from(bytes)), 0, bytes.length, target, 8, size)
  const around = [...target.u8.subarray(0, 8), ...target.u8.subarray(8 + size)]
  expect(around.every((byte) => byte === 0xee)).toBe(true)
  return whole ? Buffer.from(target.u8.subarray(8, 8 + size)) : undefined
}

/** Bytes that repeat themselves now and then. */
const repetitive = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(fc.nat(3), fc.nat(600)).map(([b, n]) => new Uint8Array(n).fill(b)),
    ),
    {
      maxLength: 20,
    },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts.concat(parts.slice(0, 3)))))

test('compressed data comes back', () => {
  fc.assert(
    fc.property(repetitive, (bytes) => {
      const packed = compress(bytes)
      if (bytes.length === 0) return
      expect(decompress(packed!, bytes.length)!.equals(Buffer.from(bytes))).toBe(true)
    }),
  )
})

test('repetition shrinks to the least the format allows', () => {
  const packed = compress(new Uint8Array(100_000))!
  expect(packed.length).toBeLessThan(1200)
  expect(100_000 / packed.length).toBeLessThanOrEqual(LZF_EXPANSION_MAX)
})

test('gives up when the result would be longer than allowed', () => {
  fc.assert(
    fc.property(repetitive, fc.nat(300), (bytes, max) => {
      const packed = compress(bytes, max)
      if (packed !== undefined) expect(packed.length).toBeLessThanOrEqual(max)
    }),
  )
})

test('repetitions of every period and length come back', () => {
  for (let period = 1; period <= 12; period++) {
    for (let length = 3; length <= 300; length++) {
      const bytes = Buffer.alloc(period + length, 'abcdefghijkl'.slice(0, period))
      const target = Source.allocate(bytes.length)
      // The period as it is, then one or two repetitions of it.
      const packed = [period - 1, ...bytes.subarray(0, period)]
      for (let left = length; left > 0; ) {
        const match = left > 264 ? 200 : left
        if (match < 9) packed.push((match - 2) << 5, period - 1)
        else packed.push(0xe0, match - 9, period - 1)
        left -= match
      }
      const source = new Source(Buffer.from(packed))
      expect(lzfDecompress(source, 0, packed.length, target, 0, bytes.length), `${period} ${length}`).toBe(true)
      expect(target.u8.equals(bytes), `${period} ${length}`).toBe(true)
    }
  }
})

test('a text that liblzf compressed', () => {
  // redis-server's DUMP of 30 times "abc": a literal run, then one long repetition.
  expect(decompress(Buffer.from('02616263e04d02' + '0263', 'hex'), 90)).toBeUndefined()
  expect(decompress(Buffer.from('02616263e04e02', 'hex'), 90)!.toString()).toBe('abc'.repeat(30))
})

test('damage is noticed, and nothing outside is touched', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(300), (bytes, size) => {
      decompress(bytes, size)
    }),
    { numRuns: 2000 },
  )
})
