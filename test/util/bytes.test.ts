import { expect, test } from 'vitest'
import { copyBytes, equalBytes, Source } from '../../src/util/bytes/bytes.ts'

/** Around every step of the loops, and past where the runtime takes over. */
const LENGTHS_MAX = 300

test('bytes of any length are copied, and nothing beside them', () => {
  const from = new Source(Buffer.from(Array.from({ length: LENGTHS_MAX + 7 }, (_, i) => (i * 7 + 1) & 0xff)))
  for (let length = 0; length <= LENGTHS_MAX; length++) {
    const to = new Source(Buffer.alloc(LENGTHS_MAX + 8))
    copyBytes(to, 3, from, 5, length)
    const expected = Buffer.alloc(LENGTHS_MAX + 8)
    from.u8.copy(expected, 3, 5, 5 + length)
    expect(to.u8.equals(expected), `${length} bytes`).toBe(true)
  }
})

test('bytes of any length are equal when all of them are', () => {
  const one = Source.allocate(LENGTHS_MAX + 8)
  const other = Source.allocate(LENGTHS_MAX + 8)
  one.u8.fill(1)
  other.u8.fill(1)
  for (let length = 0; length <= LENGTHS_MAX; length++) {
    expect(equalBytes(one, 1, other, 2, length)).toBe(true)
    for (const wrong of [-1, 0, length >>> 1, length - 2, length - 1, length]) {
      if (2 + wrong < 0) continue
      other.u8[2 + wrong] = 2
      expect(equalBytes(one, 1, other, 2, length), `${length} bytes, ${wrong}`).toBe(wrong < 0 || wrong >= length)
      other.u8[2 + wrong] = 1
    }
  }
})
