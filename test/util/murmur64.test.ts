import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Source } from '../../src/util/bytes/bytes.ts'
import { murmur64 } from '../../src/util/bytes/murmur64.ts'

const M = 0xc6a4a7935bd1e995n
const u64 = (value: bigint) => BigInt.asUintN(64, value)

/** The published algorithm, in 64-bit arithmetic. */
function reference(bytes: Uint8Array, seed: bigint): bigint {
  let h = u64(seed ^ u64(BigInt(bytes.length) * M))
  let at = 0
  const word = (length: number) =>
    bytes.slice(at, at + length).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
  for (; at + 8 <= bytes.length; at += 8) {
    let k = u64(word(8) * M)
    k = u64((k ^ (k >> 47n)) * M)
    h = u64((h ^ k) * M)
  }
  if (at < bytes.length) h = u64((h ^ word(bytes.length - at)) * M)
  h = u64((h ^ (h >> 47n)) * M)
  return h ^ (h >> 47n)
}

test('hashes of 32-bit halves are those of 64-bit arithmetic', () => {
  const hash = new Int32Array(2)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      murmur64(new Source(Buffer.from([1, ...bytes, 2])), 1, bytes.length, 0xadc83b19 | 0, hash)
      const value = (BigInt(hash[1]! >>> 0) << 32n) | BigInt(hash[0]! >>> 0)
      expect(value).toBe(reference(bytes, 0xadc83b19n))
    }),
    { numRuns: 2000 },
  )
})
