// HyperLogLogs in strings, as Redis lays them out: estimates of the number of different elements,
// within a percent or so.
//
//   0  "HYLL"
//   4  encoding: 0 dense, 1 sparse
//   5  three bytes without meaning
//   8  the last count, 64 bits little-endian; its highest bit set = out of date
//   16 the registers
//
// There are 16384 registers of 6 bits. The low 14 bits of an element's hash select one. The
// register keeps the longest run of zeros, plus one, with which the other 50 bits began. Dense: the
// registers one after another from the lowest bit of each byte on, 12288 bytes. Sparse: runs of
// equal registers:
//
//   00xxxxxx           x + 1 registers are 0                  (ZERO)
//   01xxxxxx yyyyyyyy  xy + 1 registers are 0                 (XZERO)
//   1vvvvvxx           x + 1 registers are v + 1              (VAL, up to 32)
//
// All functions work on a string's bytes in place. An update leaves exactly the bytes that
// redis-server would leave, because replicas and files compare them. A string may have been set by
// a client (SET), so no run's length is trusted. The estimate is Ertl's ("New cardinality
// estimation algorithms for HyperLogLog sketches", 2017), which needs no corrections at either end.

import { byteAt, numberAt } from '../../util/array-reads.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import { murmur64 } from '../../util/bytes/murmur64.ts'

export const REGISTERS = 16384
const REGISTERS_MASK = REGISTERS - 1
const REGISTER_BITS = 6
/** Bits of the hash in which zeros are counted. The largest value of a register is one more. */
const ZEROS_MAX = 50
const HEADER_BYTES = 16
export const DENSE_BYTES = HEADER_BYTES + (REGISTERS * REGISTER_BITS) / 8
const ENCODING = 4
const COUNT = 8
/** Offset of the byte whose highest bit says that the count is out of date. */
const COUNT_VALIDITY = 15

const SPARSE_VALUE_MAX = 32
const VAL_LENGTH_MAX = 4
const ZERO_LENGTH_MAX = 64
const SEED = 0xadc83b19 | 0

const hash = new Int32Array(2)

/** Returns the register of an element and the value it needs, as value × REGISTERS + register. */
export function placeOf(element: Bytes): number {
  murmur64(element.source, element.start, element.length, SEED, hash)
  const low = numberAt(hash, 0)
  const high = numberAt(hash, 1)
  // The 50 bits above the register's, and a one behind them.
  const first = (low >>> 14) | (high << 18)
  const zeros = first !== 0 ? trailingZeros(first) : 32 + trailingZeros((high >>> 14) | (1 << (ZEROS_MAX - 32)))
  return (zeros + 1) * REGISTERS + (low & REGISTERS_MASK)
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word)
}

// ── the whole string ────────────────────────────────────────────────────────

/** Makes an empty HyperLogLog: sparse, a single run of zeros. */
export function emptyHyperLogLog(): Bytes {
  return Bytes.from('HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff')
}

/**
 * Tells whether a string may be a HyperLogLog: its header is right, and its length if it is dense.
 */
export function isHyperLogLog(bytes: Bytes): boolean {
  if (bytes.length < HEADER_BYTES) return false
  const { view } = bytes.source
  // "HYLL"
  if (view.getInt32(bytes.start, true) !== 0x4c4c5948) return false
  const encoding = bytes.at(ENCODING)
  return encoding === 1 || (encoding === 0 && bytes.length === DENSE_BYTES)
}

export function isDense(bytes: Bytes): boolean {
  return bytes.at(ENCODING) === 0
}

/** Returns the count stored in the header; undefined when registers have changed since. */
export function storedCount(bytes: Bytes): number | bigint | undefined {
  if ((bytes.at(COUNT_VALIDITY) & 0x80) !== 0) return undefined
  const count = bytes.source.view.getBigUint64(bytes.start + COUNT, true)
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : count
}

export function storeCount(bytes: Bytes, count: number): void {
  bytes.source.view.setBigUint64(bytes.start + COUNT, BigInt(count), true)
}

/** Marks the stored count as out of date. */
export function forgetCount(bytes: Bytes): void {
  bytes.source.u8[bytes.start + COUNT_VALIDITY]! |= 0x80
}

const dense = new Bytes(Source.allocate(DENSE_BYTES), 0, DENSE_BYTES)

/**
 * Returns the dense form of a sparse one; undefined when it is corrupt. The next call reuses the
 * window.
 */
export function toDense(bytes: Bytes): Bytes | undefined {
  const { u8 } = dense.source
  u8.fill(0, HEADER_BYTES)
  u8.set(bytes.source.u8.subarray(bytes.start, bytes.start + HEADER_BYTES), 0)
  u8[ENCODING] = 0
  const run = new Runs(bytes)
  let register = 0
  while (run.next()) {
    if (register + run.length > REGISTERS) return run.endsReading(register) ? dense : undefined
    if (run.value > 0) for (let i = 0; i < run.length; i++) setDense(dense, register + i, run.value)
    register += run.length
  }
  return register === REGISTERS ? dense : undefined
}

// ── registers ───────────────────────────────────────────────────────────────

export function registerOf(bytes: Bytes, register: number): number {
  const { u8 } = bytes.source
  const bit = register * REGISTER_BITS
  const at = bytes.start + HEADER_BYTES + (bit >>> 3)
  const shift = bit & 7
  // The last register ends with its byte; behind every other there is one more byte.
  const next = shift > 2 ? byteAt(u8, at + 1) : 0
  return ((byteAt(u8, at) >>> shift) | (next << (8 - shift))) & 63
}

/** Raises a register of a dense one to `value`; false when it is already as high. */
export function setDense(bytes: Bytes, register: number, value: number): boolean {
  if (registerOf(bytes, register) >= value) return false
  const { u8 } = bytes.source
  const bit = register * REGISTER_BITS
  const at = bytes.start + HEADER_BYTES + (bit >>> 3)
  const shift = bit & 7
  u8[at] = (byteAt(u8, at) & ~(63 << shift)) | (value << shift)
  if (shift > 2) u8[at + 1] = (byteAt(u8, at + 1) & ~(63 >>> (8 - shift))) | (value >>> (8 - shift))
  return true
}

/** Walks the runs of a sparse one. */
export class Runs {
  /** Registers of the current run, their value, and the offset of its opcode in the string. */
  length = 0
  value = 0
  at = HEADER_BYTES
  readonly #bytes: Bytes
  #next = HEADER_BYTES

  constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  /** Moves to the next run; false at the end. */
  next(): boolean {
    if (this.#next >= this.#bytes.length) return false
    this.at = this.#next
    const { u8 } = this.#bytes.source
    const at = this.#bytes.start + this.at
    const opcode = byteAt(u8, at)
    this.#next += isXzero(opcode) ? 2 : 1
    this.value = runValue(opcode)
    // An XZERO cut off at the string's end is read as Redis does: C strings have a NUL there.
    const second = this.at + 1 < this.#bytes.length ? byteAt(u8, at + 1) : 0
    this.length = runLength(opcode, second)
    return true
  }

  /**
   * Tells whether this run, of more registers than are left behind `register`, ends the reading of
   * a valid one. As in Redis, bytes behind the last register are not looked at from the first run
   * on that has a value (PFMERGE, PFCOUNT of several keys, and the change to the dense form;
   * PFCOUNT of one key refuses them).
   */
  endsReading(register: number): boolean {
    return this.value > 0 && register === REGISTERS
  }
}

function isXzero(opcode: number): boolean {
  return (opcode & 0xc0) === 0x40
}

function isVal(opcode: number): boolean {
  return opcode >= 0x80
}

function runValue(opcode: number): number {
  return opcode >= 0x80 ? ((opcode >>> 2) & 31) + 1 : 0
}

function runLength(opcode: number, second: number): number {
  if (opcode >= 0x80) return (opcode & 3) + 1
  return opcode < 0x40 ? opcode + 1 : (((opcode & 63) << 8) | second) + 1
}

function valOpcode(value: number, length: number): number {
  return 0x80 | ((value - 1) << 2) | (length - 1)
}

// ── updating the sparse form ────────────────────────────────────────────────

/** The result of an attempt to raise a register. */
export const UNCHANGED = 0
export const CHANGED = 1
export const CORRUPT = 2
/** The register can only be raised in the dense form. */
export const NEEDS_DENSE = 3

/**
 * Raises one register of the sparse form, in two steps, because the string may have to grow in
 * between: `plan` finds the run and computes its replacement, `apply` writes it.
 */
export class SparseUpdate {
  /** How many bytes longer the string must be before `apply`; may be negative. */
  growth = 0
  #at = 0
  /** Offset of the previous run's opcode, where joining begins. */
  #previous = 0
  #oldBytes = 0
  readonly #opcodes = new Uint8Array(5)
  #newBytes = 0

  /**
   * Returns UNCHANGED, CORRUPT, NEEDS_DENSE (the value is too large, or more than `bytesMax` bytes
   * are needed), or CHANGED when `apply` must be called.
   */
  plan(bytes: Bytes, register: number, value: number, bytesMax: number): number {
    if (value > SPARSE_VALUE_MAX) return NEEDS_DENSE
    const { u8 } = bytes.source
    const end = bytes.start + bytes.length
    let at = bytes.start + HEADER_BYTES
    let previous = at
    let opcode = 0
    let length = 0
    /** First register of the run. */
    let first = 0
    // Half of PFADD's time is spent in this loop.
    while (at < end) {
      opcode = byteAt(u8, at)
      if (opcode < 0x40) length = opcode + 1
      else if (opcode >= 0x80) length = (opcode & 3) + 1
      else length = (((opcode & 63) << 8) | (at + 1 < end ? byteAt(u8, at + 1) : 0)) + 1
      if (register < first + length) break
      previous = at
      at += isXzero(opcode) ? 2 : 1
      first += length
    }
    this.#oldBytes = isXzero(opcode) ? 2 : 1
    if (at + this.#oldBytes > end) return CORRUPT
    this.#at = at - bytes.start
    this.#previous = previous - bytes.start
    const oldValue = runValue(opcode)
    if (oldValue >= value) return UNCHANGED
    this.#newBytes = 0
    this.#addRun(oldValue, register - first)
    this.#addRun(value, 1)
    this.#addRun(oldValue, first + length - 1 - register)
    this.growth = this.#newBytes - this.#oldBytes
    return this.growth > 0 && bytes.length + this.growth > bytesMax ? NEEDS_DENSE : CHANGED
  }

  #addRun(value: number, length: number): void {
    if (length === 0) return
    const opcodes = this.#opcodes
    if (value > 0) {
      opcodes[this.#newBytes++] = valOpcode(value, length)
    } else if (length > ZERO_LENGTH_MAX) {
      opcodes[this.#newBytes++] = 0x40 | ((length - 1) >>> 8)
      opcodes[this.#newBytes++] = (length - 1) & 0xff
    } else {
      opcodes[this.#newBytes++] = length - 1
    }
  }

  /**
   * Writes the replacement into a string of `length` bytes whose window is now `max(growth, 0)`
   * bytes longer. Returns the new length, which may be less.
   */
  apply(bytes: Bytes, length: number): number {
    const { u8 } = bytes.source
    const at = bytes.start + this.#at
    if (this.growth !== 0) u8.copyWithin(at + this.#newBytes, at + this.#oldBytes, bytes.start + length)
    for (let i = 0; i < this.#newBytes; i++) u8[at + i] = byteAt(this.#opcodes, i)
    length += this.growth
    return length - this.#join(bytes, bytes.start + length)
  }

  /**
   * Joins neighbouring runs of one value where they fit into one, and returns the number of bytes
   * saved. It looks at a few opcodes only, as Redis does; looking further would give other bytes.
   */
  #join(bytes: Bytes, end: number): number {
    const { u8 } = bytes.source
    const oldEnd = end
    let at = bytes.start + this.#previous
    for (let looked = 0; looked < 5 && at < end; looked++) {
      const opcode = byteAt(u8, at)
      if (
        isVal(opcode) &&
        at + 1 < end &&
        isVal(byteAt(u8, at + 1)) &&
        runValue(byteAt(u8, at + 1)) === runValue(opcode)
      ) {
        const length = (opcode & 3) + (byteAt(u8, at + 1) & 3) + 2
        if (length <= VAL_LENGTH_MAX) {
          u8[at + 1] = valOpcode(runValue(opcode), length)
          u8.copyWithin(at, at + 1, end)
          end--
          // The joined run may join the next.
          continue
        }
      }
      at += isXzero(opcode) ? 2 : 1
    }
    return oldEnd - end
  }
}

// ── many at once ────────────────────────────────────────────────────────────

/**
 * Raises each of `registers` (one byte each) to the value in this one; false when it is corrupt.
 */
export function mergeInto(registers: Uint8Array, bytes: Bytes): boolean {
  if (isDense(bytes)) {
    const { u8 } = bytes.source
    let at = bytes.start + HEADER_BYTES
    for (let register = 0; register < REGISTERS; register += 4, at += 3) {
      // Three bytes are four registers.
      const word = byteAt(u8, at) | (byteAt(u8, at + 1) << 8) | (byteAt(u8, at + 2) << 16)
      if ((word & 63) > byteAt(registers, register)) registers[register] = word & 63
      if (((word >>> 6) & 63) > byteAt(registers, register + 1)) registers[register + 1] = (word >>> 6) & 63
      if (((word >>> 12) & 63) > byteAt(registers, register + 2)) registers[register + 2] = (word >>> 12) & 63
      if (word >>> 18 > byteAt(registers, register + 3)) registers[register + 3] = word >>> 18
    }
    return true
  }
  const run = new Runs(bytes)
  let register = 0
  while (run.next()) {
    if (register + run.length > REGISTERS) return run.endsReading(register)
    for (let i = register; i < register + run.length; i++)
      if (byteAt(registers, i) < run.value) registers[i] = run.value
    register += run.length
  }
  return register === REGISTERS
}

/** Sets all registers of a dense one. */
export function writeDense(bytes: Bytes, registers: Uint8Array): void {
  const { u8 } = bytes.source
  let at = bytes.start + HEADER_BYTES
  for (let i = 0; i < REGISTERS; i += 4, at += 3) {
    const word =
      byteAt(registers, i) |
      (byteAt(registers, i + 1) << 6) |
      (byteAt(registers, i + 2) << 12) |
      (byteAt(registers, i + 3) << 18)
    u8[at] = word
    u8[at + 1] = word >>> 8
    u8[at + 2] = word >>> 16
  }
}

// ── counting ────────────────────────────────────────────────────────────────

/** The number of registers with each value. */
const histogram = new Int32Array(64)

/** Estimates the number of elements of one; undefined when it is corrupt. */
export function estimate(bytes: Bytes): number | undefined {
  histogram.fill(0)
  if (isDense(bytes)) {
    const { u8 } = bytes.source
    const end = bytes.start + DENSE_BYTES
    for (let at = bytes.start + HEADER_BYTES; at < end; at += 3) {
      const word = byteAt(u8, at) | (byteAt(u8, at + 1) << 8) | (byteAt(u8, at + 2) << 16)
      histogram[word & 63]!++
      histogram[(word >>> 6) & 63]!++
      histogram[(word >>> 12) & 63]!++
      histogram[word >>> 18]!++
    }
    return estimateFromHistogram()
  }
  const run = new Runs(bytes)
  let registers = 0
  while (run.next()) {
    histogram[run.value]! += run.length
    registers += run.length
  }
  return registers === REGISTERS ? estimateFromHistogram() : undefined
}

/** Estimates the number of elements of registers with one byte each. */
export function estimateOf(registers: Uint8Array): number {
  histogram.fill(0)
  for (let i = 0; i < REGISTERS; i++) histogram[byteAt(registers, i) & 63]!++
  return estimateFromHistogram()
}

/** 1 / (2 ln 2) */
const ALPHA = 0.7213475204444817

function estimateFromHistogram(): number {
  const m = REGISTERS
  let z = m * tau((m - numberAt(histogram, ZEROS_MAX + 1)) / m)
  for (let value = ZEROS_MAX; value >= 1; value--) {
    z += numberAt(histogram, value)
    z *= 0.5
  }
  z += m * sigma(numberAt(histogram, 0) / m)
  return Math.round((ALPHA * m * m) / z)
}

function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY
  let y = 1
  let z = x
  let before: number
  do {
    x *= x
    before = z
    z += x * y
    y += y
  } while (before !== z)
  return z
}

function tau(x: number): number {
  if (x === 0 || x === 1) return 0
  let y = 1
  let z = 1 - x
  let before: number
  do {
    x = Math.sqrt(x)
    before = z
    y *= 0.5
    z -= (1 - x) * (1 - x) * y
  } while (before !== z)
  return z / 3
}
