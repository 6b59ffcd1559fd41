import { describe, expect, test } from 'vitest'
import { Bytes, Source } from '../../src/util/bytes/bytes.ts'
import { HashKey, hashBytes } from '../../src/util/tables/keyed-hash.ts'
import { murmur3, murmurCollisions } from '../support/murmur-collisions.ts'

/** Linux's lib/test_siphash.c: the 32-bit `hsiphash` of the bytes 0, 1, 2, …, of lengths from 0 on, under the key 00 01 … 07. */
const PUBLISHED = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6, 0x577999b1,
  0xc839caed, 0xe4fa32cf, 0x959246ee, 0x6b28096c, 0x66dd9cd6, 0x16658a7c, 0xd0257b04, 0x8b31d501, 0x2b1cd04b,
  0x06712339, 0x522aca67, 0x911bb605, 0x90a65f0e, 0xf826ef7b, 0x62512deb, 0x57150ad7, 0x5d473507, 0x1ec47442,
  0xab64afd3, 0x0a4100d0, 0x6d2ce652, 0x2331b6a3, 0x08d8791a, 0xbc6dda8d, 0xe0f6c934, 0xb0652033, 0x9b9851cc,
  0x7c46fb7f, 0x732ba8cb, 0xf142997a, 0xfcc9aa1b, 0x05327eb2, 0xe110131c, 0xf9e5e7c0, 0xa7d708a6, 0x11795ab1,
  0x65671619, 0x9f5fff91, 0xd89c5267, 0x007783eb, 0x95766243, 0xab639262, 0x9c7e1390, 0xc368dda6, 0x38ddc455,
  0xfa13d379, 0x979ea4e8, 0x53ecd77e, 0x2ee80657, 0x33dbb66a, 0xae3f0577, 0x88b4c4cc, 0x3e7f480b, 0x74c1ebf8,
  0x87178304,
]

/** Members in the fullest of 2^bits buckets. */
function fullest(names: readonly string[], bits: number, hash: (name: string) => number): number {
  const counts = new Int32Array(1 << bits)
  for (const name of names) counts[hash(name) & (counts.length - 1)]!++
  return Math.max(...counts)
}

const of = (key: HashKey) => (name: string) => {
  const { source, start, length } = Bytes.from(name)
  return hashBytes(source, start, length, key)
}

describe('the keyed hash', () => {
  test('is HalfSipHash-1-3, wherever the bytes lie', () => {
    const key = new HashKey(0x03020100, 0x07060504)
    for (let start = 0; start < 4; start++) {
      const bytes = Buffer.alloc(start + 64, 0xee)
      for (let i = 0; i < 64; i++) bytes[start + i] = i
      const hashes = PUBLISHED.map((_, length) => hashBytes(new Source(bytes), start, length, key) >>> 0)
      expect(hashes).toEqual(PUBLISHED)
    }
  })

  test('names that collide in Murmur under every seed do not', () => {
    const names = murmurCollisions(15)
    expect(new Set(names).size).toBe(32_768)
    for (const seed of [0, 1, -559038737]) expect(fullest(names, 15, (name) => murmur3(name, seed))).toBe(32_768)
    for (const key of [new HashKey(0, 0), new HashKey(1, 2), HashKey.draw()]) {
      // 32,768 balls in as many boxes: a box of 13 comes once in 5,000 tries.
      expect(fullest(names, 15, of(key))).toBeLessThan(16)
      expect(new Set(names.map(of(key))).size).toBeGreaterThan(32_760)
    }
  })

  test('names that collide under one key do not under another', () => {
    const known = of(new HashKey(1, 2))
    const names: string[] = []
    for (let i = 0; names.length < 300; i++) if ((known(`${i}`) & 1023) === 0) names.push(`${i}`)
    expect(fullest(names, 10, known)).toBe(300)
    expect(fullest(names, 10, of(new HashKey(1, 3)))).toBeLessThan(10)
    expect(fullest(names, 10, of(new HashKey(2, 2)))).toBeLessThan(10)
  })

  test('every process has a key of its own', () => {
    const [a, b] = [HashKey.draw(), HashKey.draw()]
    expect([a.low, a.high]).not.toEqual([b.low, b.high])
  })
})
