import { describe, expect, test } from 'vitest'
import { arcSine, cosine, sine } from '../../src/util/numbers/exact-trigonometry.ts'
import { Random } from '../../src/util/numbers/random.ts'

/** Digits after the point of the fixed-point numbers that say what is right. */
const ONE = 10n ** 50n

/** A double as a fixed-point number, exactly. */
function fixed(x: number): bigint {
  let scaled = x
  let shift = 0n
  for (; !Number.isInteger(scaled); shift++) scaled *= 2
  return (BigInt(scaled) * ONE) >> shift
}

function series(x: bigint, first: bigint): bigint {
  let term = first === 1n ? x : ONE
  let total = 0n
  for (let n = first; term !== 0n; n += 2n) {
    total += term
    term = (-term * x * x) / (ONE * ONE * (n + 1n) * (n + 2n))
  }
  return total
}

/** Whether no other double is nearer to what is right. */
function isNearest(value: number, right: bigint): boolean {
  const distance = (x: number) => {
    const difference = fixed(x) - right
    return difference < 0n ? -difference : difference
  }
  const step = Math.abs(value) * 2 ** -52
  return distance(value) <= distance(value + step) && distance(value) <= distance(value - step)
}

const random = new Random(3)
const between = (low: number, high: number) => low + ((high - low) * random.below(2 ** 31)) / 2 ** 31
const angles = [
  ...Array.from({ length: 2000 }, () => between(-Math.PI, Math.PI)),
  ...Array.from({ length: 500 }, () => between(-1, 1) * 10 ** -random.below(8)),
  ...[1, -1, 2, -2].flatMap((quarters) => [0, 1e-15, -1e-12, 1e-8].map((d) => (quarters * Math.PI) / 2 + d)),
]

describe('to the nearest double', () => {
  test('sines and cosines', () => {
    for (const x of angles) {
      expect(isNearest(sine(x), series(fixed(x), 1n)), `sine of ${x}`).toBe(true)
      expect(isNearest(cosine(x), series(fixed(x), 0n)), `cosine of ${x}`).toBe(true)
    }
  })

  test('arc sines', () => {
    for (let i = 0; i < 2000; i++) {
      const x = between(0, 0.999) * (i % 2 === 0 ? 1 : 10 ** -random.below(8))
      const angle = arcSine(x)
      // The arc sine's neighbours are as far from it as half a step; their sines lie on both sides of x.
      const half = fixed(angle * 2 ** -53)
      const [below, above] = [series(fixed(angle) - half, 1n), series(fixed(angle) + half, 1n)]
      expect(below <= fixed(x) && fixed(x) <= above, `arc sine of ${x}`).toBe(true)
    }
  })

  test('values that are known without computing', () => {
    expect([sine(0), cosine(0), arcSine(0), sine(Math.PI / 2), arcSine(1)]).toEqual([0, 1, 0, 1, Math.PI / 2])
    expect(cosine(Math.PI / 2)).toBe(6.123233995736766e-17)
    expect(sine(Math.PI)).toBe(1.2246467991473532e-16)
  })
})
