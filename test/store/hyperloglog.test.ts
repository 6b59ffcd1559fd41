import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CHANGED,
  CORRUPT,
  emptyHyperLogLog,
  estimate,
  estimateOf,
  isDense,
  isHyperLogLog,
  mergeInto,
  NEEDS_DENSE,
  placeOf,
  REGISTERS,
  Runs,
  registerOf,
  SparseUpdate,
  storeCount,
  storedCount,
  toDense,
  UNCHANGED,
  writeDense,
} from '../../src/store/derived/hyperloglog.ts'
import { Bytes, Source } from '../../src/util/bytes/bytes.ts'

/** A sparse one in memory that is large enough, raised register by register. */
class Sparse {
  readonly bytes: Bytes
  readonly update = new SparseUpdate()

  constructor() {
    const empty = emptyHyperLogLog()
    this.bytes = new Bytes(Source.allocate(100_000), 3, empty.length)
    empty.toBuffer().copy(this.bytes.source.u8, 3)
  }

  raise(register: number, value: number, bytesMax = 90_000): number {
    const plan = this.update.plan(this.bytes, register, value, bytesMax)
    if (plan === CHANGED) {
      const { length } = this.bytes
      this.bytes.length += Math.max(0, this.update.growth)
      this.bytes.length = this.update.apply(this.bytes, length)
    }
    return plan
  }
}

const raises = fc.array(
  fc.tuple(
    // Close together, so that runs are split and joined.
    fc.oneof(fc.nat(30), fc.integer({ min: 16300, max: 16383 }), fc.nat(16383)),
    fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 32 })),
  ),
  { maxLength: 120 },
)

describe('a sparse HyperLogLog', () => {
  test('has after any updates the registers of an array, in runs and unpacked', () => {
    fc.assert(
      fc.property(raises, (list) => {
        const model = new Uint8Array(REGISTERS)
        const sparse = new Sparse()
        for (const [register, value] of list) {
          expect(sparse.raise(register, value)).toBe(value > model[register]! ? CHANGED : UNCHANGED)
          model[register] = Math.max(model[register]!, value)
        }
        const registers = new Uint8Array(REGISTERS)
        expect(mergeInto(registers, sparse.bytes)).toBe(true)
        expect(Buffer.compare(registers, model)).toBe(0)
        const dense = toDense(sparse.bytes)!
        expect(isDense(dense) && isHyperLogLog(dense)).toBe(true)
        expect(model.findIndex((value, i) => registerOf(dense, i) !== value)).toBe(-1)
        expect(estimate(dense)).toBe(estimate(sparse.bytes))
        expect(estimateOf(model)).toBe(estimate(dense))
      }),
      { numRuns: 30 },
    )
  })

  test('goes dense for a value over 32, and when it would become longer than allowed', () => {
    const sparse = new Sparse()
    expect(sparse.raise(5, 33)).toBe(NEEDS_DENSE)
    expect(sparse.raise(500, 1, 21)).toBe(CHANGED)
    expect(sparse.bytes.length).toBe(21)
    expect(sparse.raise(500, 2, 21)).toBe(CHANGED)
    expect(sparse.raise(5, 1, 21)).toBe(NEEDS_DENSE)
  })

  test('joins neighbours of one value, four at most', () => {
    const sparse = new Sparse()
    for (const register of [3, 1, 0, 2, 4]) sparse.raise(register, 7)
    const run = new Runs(sparse.bytes)
    const runs: [number, number][] = []
    while (run.next()) runs.push([run.value, run.length])
    expect(runs).toEqual([
      [7, 4],
      [7, 1],
      [0, REGISTERS - 5],
    ])
  })

  test('with runs that are cut off, too long or too short is corrupt', () => {
    const header = emptyHyperLogLog().toString().slice(0, 16)
    for (const runs of ['', '\x00', '\x7f\xff\x00', '\x7f', '\x7f\xfe', '\x7f\xff\x7f\xff']) {
      const bytes = Bytes.from(header + runs)
      expect(toDense(bytes)).toBeUndefined()
      expect(mergeInto(new Uint8Array(REGISTERS), bytes)).toBe(false)
      if (runs !== '\x7f\xff\x7f\xff') expect(estimate(bytes)).toBeUndefined()
    }
    expect(new SparseUpdate().plan(Bytes.from(`${header}\x00`), 5, 1, 3000)).toBe(CORRUPT)
    expect(new SparseUpdate().plan(Bytes.from(`${header}\x7f`), 5, 1, 3000)).toBe(CORRUPT)
  })
})

describe('bytes behind the last register', () => {
  const whole = emptyHyperLogLog().toString()

  test('are not looked at from the first run with a value on, as in Redis, except for the count of one', () => {
    for (const rest of ['\x80', '\xff\x00', '\x84\x7f']) {
      const bytes = Bytes.from(whole + rest)
      expect(toDense(bytes)?.toString()).toBe(toDense(Bytes.from(whole))!.toString())
      expect(mergeInto(new Uint8Array(REGISTERS), bytes)).toBe(true)
      expect(estimate(bytes)).toBeUndefined()
    }
  })

  test('are refused where a run of zeros comes first, or a run with a value reaches across the end', () => {
    for (const runs of [`${whole.slice(16)}\x00\x80`, `${whole.slice(16)}\x40\x00`, '\x7f\xfe\x81']) {
      const bytes = Bytes.from(whole.slice(0, 16) + runs)
      expect(toDense(bytes)).toBeUndefined()
      expect(mergeInto(new Uint8Array(REGISTERS), bytes)).toBe(false)
    }
  })
})

describe('any HyperLogLog', () => {
  test('is known by its header, and a dense one by its length', () => {
    const dense = toDense(emptyHyperLogLog())!.copy()
    expect(isHyperLogLog(dense)).toBe(true)
    expect(isHyperLogLog(new Bytes(dense.source, 0, dense.length - 1))).toBe(false)
    expect(isHyperLogLog(Bytes.from('HYLL\x02\0\0\0\0\0\0\0\0\0\0\0'))).toBe(false)
    expect(isHyperLogLog(Bytes.from('HYLX\x01\0\0\0\0\0\0\0\0\0\0\0'))).toBe(false)
    expect(isHyperLogLog(Bytes.from('HYLL\x01'))).toBe(false)
  })

  test('packs and unpacks dense registers of any values', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(63)), (values) => {
        const registers = Uint8Array.from(values.take(REGISTERS))
        const dense = toDense(emptyHyperLogLog())!.copy()
        writeDense(dense, registers)
        const merged = new Uint8Array(REGISTERS)
        mergeInto(merged, dense)
        expect(Buffer.compare(merged, registers)).toBe(0)
        expect(registers.findIndex((value, i) => registerOf(dense, i) !== value)).toBe(-1)
      }),
      { numRuns: 3 },
    )
  })

  test('keeps its count until it is out of date', () => {
    const bytes = emptyHyperLogLog()
    storeCount(bytes, 123456789012)
    expect(storedCount(bytes)).toBe(123456789012)
    bytes.source.u8[bytes.start + 15]! |= 0x80
    expect(storedCount(bytes)).toBeUndefined()
  })

  test('places elements as redis-server does', () => {
    // PFADD h a; PFDEBUG DECODE h: Z:12711 v:2,1 Z:3672.
    expect(placeOf(Bytes.from('a'))).toBe(2 * REGISTERS + 12711)
  })
})
