// The decimal digits of a double as Redis 7.2 finds them: by Grisu2 (Loitsch, "Printing
// Floating-Point Numbers Quickly and Accurately with Integers", 2010).
//
// The number and the middles between it and its neighbours are scaled by a power of ten, each to 64
// bits, so that the digits can be read off. Digits are generated until the rest is less than the
// distance of the middles, since every number there reads back as the same double. The power is
// rounded, so the interval is a little narrower than the true one. For about one double in a
// thousand the shortest or nearest digits are therefore missed: 1.33e22 is 13299999999999999000000.
//
// 64 bits are two halves of 32 here, each an unsigned number. Bigints took five times as long.

import { numberAt } from '../array-reads.ts'

/** The most digits: 17 tell all doubles apart. */
export const DIGITS_MAX = 17

/** The result of `findDigits`. */
export const found = {
  /** The digits, 0 to 9, one a byte. */
  digits: new Uint8Array(DIGITS_MAX + 1),
  count: 0,
  /** The power of ten of the last digit: 1, 2, 5 and -2 are 1.25. */
  power: 0,
}

/**
 * A number of 64 significant bits: a fraction, lowest 16 bits first, and the power of two that it
 * is multiplied by.
 */
interface Scale {
  readonly part0: number
  readonly part1: number
  readonly part2: number
  readonly part3: number
  readonly exponent: number
}

const TWO_16 = 2 ** 16
const TWO_32 = 2 ** 32
/**
 * The leading bit of a double's significand, which is implied and not stored: its place in the high
 * 32 bits.
 */
const HIDDEN_BIT_HIGH = 2 ** 20

/** The powers of ten that scale numbers are eight apart, beginning with this one. */
const SCALE_POWER_MIN = -348
const SCALE_POWER_STEP = 8
/** The least exponent of a scaled number. */
const SCALED_EXPONENT_MIN = -60
const SCALED_EXPONENT_MAX = -32
const LOG10_OF_2 = 0.30102999566398114

/** `**` is a call of some 100 ns. */
const POWERS_OF_TWO = Float64Array.from({ length: 63 }, (_, power) => 2 ** power)

/**
 * Scaled numbers, high half and low half. They are in an array of doubles, because as arguments and
 * variables they would be objects on the heap.
 */
const scaled = new Float64Array(6)
/** The middle above the number, from which the digits are read. */
const TOP = 0
/** How far below the top digits may be. */
const WIDTH = 2
/** How far below the top the number itself is. */
const DISTANCE = 4

const view = new DataView(new ArrayBuffer(8))

/** Puts the digits of a finite double above zero into `found`. */
export function findDigits(value: number): void {
  view.setFloat64(0, value)
  let high = view.getUint32(0)
  let low = view.getUint32(4)
  const biased = high >>> 20
  high = (high & (HIDDEN_BIT_HIGH - 1)) | (biased === 0 ? 0 : HIDDEN_BIT_HIGH)
  // The neighbour below a power of two is half as near.
  const isLowest = high === HIDDEN_BIT_HIGH && low === 0

  // Shifted until the highest bit is set. The middles are half the lowest bit of the double above
  // and below.
  let shift = 0
  if (high === 0) {
    high = low
    low = 0
    shift = 32
  }
  const zeros = Math.clz32(high)
  if (zeros > 0) {
    high = ((high << zeros) | (low >>> (32 - zeros))) >>> 0
    low = (low << zeros) >>> 0
    shift += zeros
  }
  const exponent = (biased === 0 ? 1 : biased) - 1075 - shift
  const above = numberAt(POWERS_OF_TWO, shift - 1)
  const below = isLowest ? above / 2 : above

  const step = scaleFor(exponent)
  const scale = scaleOf(step)
  multiply(high, low, above, scale, TOP)
  multiply(high, low, -below, scale, WIDTH)
  multiply(high, low, 0, scale, DISTANCE)
  if (--scaled[TOP + 1]! < 0) borrow(TOP)
  // The interval is open at both ends.
  subtractFromTop(WIDTH, 1)
  subtractFromTop(DISTANCE, 0)
  found.power = -(SCALE_POWER_MIN + step * SCALE_POWER_STEP)
  generate(-(exponent + scale.exponent + 64))
}

/** Replaces the number at `at` by its distance from the top, less `more`. */
function subtractFromTop(at: number, more: number): void {
  scaled[at] = numberAt(scaled, TOP) - numberAt(scaled, at)
  scaled[at + 1] = numberAt(scaled, TOP + 1) - numberAt(scaled, at + 1) - more
  if (numberAt(scaled, at + 1) < 0) borrow(at)
}

function borrow(at: number): void {
  scaled[at]!--
  scaled[at + 1]! += TWO_32
}

/**
 * Finds the fewest digits within the width below the top. The lowest `bits` (32 to 60) of the top
 * are its fraction.
 */
function generate(bits: number): void {
  const { digits } = found
  const one = 1 << (bits - 32)
  const topHigh = numberAt(scaled, TOP)
  let whole = Math.floor(topHigh / one) >>> 0
  let restHigh = topHigh - whole * one
  let restLow = numberAt(scaled, TOP + 1)
  let widthHigh = numberAt(scaled, WIDTH)
  let widthLow = numberAt(scaled, WIDTH + 1)
  let count = 0

  let power = 0
  while (power < 9 && numberAt(POWERS_OF_TEN, power + 1) <= whole) power++
  for (; power >= 0; power--) {
    const unit = numberAt(POWERS_OF_TEN, power)
    const digit = (whole / unit) >>> 0
    digits[count++] = digit
    whole = (whole - digit * unit) >>> 0
    const leftHigh = whole * one + restHigh
    if (compare(leftHigh - widthHigh, restLow - widthLow) > 0) continue
    found.count = count
    found.power += power
    scaled[TOP] = leftHigh
    approach(unit * one)
    return
  }

  // The digits behind the point. Once the rest is less than the width it stays so. Therefore four
  // digits are taken at once until they would be too many, and the last ones singly.
  let scale = RUN_SCALE
  while (true) {
    const restSum = restLow * scale
    const widthSum = widthLow * scale
    const restCarry = Math.floor(restSum / TWO_32)
    const widthCarry = Math.floor(widthSum / TWO_32)
    const nextHigh = restHigh * scale + restCarry
    const nextLow = restSum - restCarry * TWO_32
    const nextWidthHigh = widthHigh * scale + widthCarry
    const nextWidthLow = widthSum - widthCarry * TWO_32
    let run = Math.floor(nextHigh / one) | 0
    const leftHigh = nextHigh - run * one
    const isEnough = compare(leftHigh - nextWidthHigh, nextLow - nextWidthLow) < 0
    if (isEnough && scale === RUN_SCALE) {
      scale = 10
      continue
    }
    const distanceSum = numberAt(scaled, DISTANCE + 1) * scale
    const distanceCarry = Math.floor(distanceSum / TWO_32)
    scaled[DISTANCE] = numberAt(scaled, DISTANCE) * scale + distanceCarry
    scaled[DISTANCE + 1] = distanceSum - distanceCarry * TWO_32
    restHigh = leftHigh
    restLow = nextLow
    widthHigh = nextWidthHigh
    widthLow = nextWidthLow
    if (scale === 10) {
      digits[count++] = run
      power--
      if (isEnough) break
      continue
    }
    for (let i = count + RUN_DIGITS - 1; i >= count; i--) {
      const quotient = (run / 10) | 0
      digits[i] = run - quotient * 10
      run = quotient
    }
    count += RUN_DIGITS
    power -= RUN_DIGITS
  }
  found.count = count
  found.power += power + 1
  scaled[TOP] = restHigh
  scaled[TOP + 1] = restLow
  scaled[WIDTH] = widthHigh
  scaled[WIDTH + 1] = widthLow
  approach(one)
}

const RUN_DIGITS = 4
const RUN_SCALE = 10 ** RUN_DIGITS
/** The powers of ten of 32 bits. */
const POWERS_OF_TEN = Uint32Array.from({ length: 10 }, (_, power) => 10 ** power)

/**
 * Lowers the last digit while that stays within the width and brings the digits nearer to the
 * number. Their distance from the top replaces the top; one of the last digit counts `unitHigh`.
 */
function approach(unitHigh: number): void {
  let restHigh = numberAt(scaled, TOP)
  const restLow = numberAt(scaled, TOP + 1)
  const distanceHigh = numberAt(scaled, DISTANCE)
  const distanceLow = numberAt(scaled, DISTANCE + 1)
  let lowered = 0
  while (compare(restHigh - distanceHigh, restLow - distanceLow) < 0) {
    const nextHigh = restHigh + unitHigh
    if (compare(numberAt(scaled, WIDTH) - nextHigh, numberAt(scaled, WIDTH + 1) - restLow) < 0) break
    const passes = compare(nextHigh - distanceHigh, restLow - distanceLow) >= 0
    // Passing it is no gain if they are then farther away than before.
    if (passes && compare(2 * distanceHigh - restHigh - nextHigh, 2 * (distanceLow - restLow)) <= 0) break
    restHigh = nextHigh
    lowered++
  }
  if (lowered > 0) found.digits[found.count - 1]! -= lowered
}

/** Returns a number with the sign of a difference whose halves were subtracted separately. */
function compare(high: number, low: number): number {
  // Rounding cannot change the sign: the low half matters only when the sum is small, and then the
  // sum is exact.
  return high * TWO_32 + low
}

/**
 * Multiplies (high, low) + offset by a scale and writes the upper 64 bits of the product, rounded,
 * to `scaled`. The offset is a power of two, with a sign.
 */
function multiply(high: number, low: number, offset: number, scale: Scale, at: number): void {
  if (offset >= TWO_32 || offset <= -TWO_32) {
    high += offset / TWO_32
  } else {
    low += offset
    if (low < 0) {
      low += TWO_32
      high--
    } else if (low >= TWO_32) {
      low -= TWO_32
      high++
    }
  }
  // Column by column, 16 bits wide. The bits cut off from a sum cannot carry, and each sum is less
  // than 2^51.
  let sum = Math.floor((low * scale.part0) / TWO_16) + low * scale.part1
  sum = Math.floor(sum / TWO_16) + low * scale.part2 + high * scale.part0
  sum = Math.floor(sum / TWO_16) + low * scale.part3 + high * scale.part1
  // Adding half of the lowest remaining bit rounds.
  sum = Math.floor((sum + TWO_16 / 2) / TWO_16) + high * scale.part2
  const upper = Math.floor(sum / TWO_16)
  const lowest = sum - upper * TWO_16
  sum = upper + high * scale.part3
  const productHigh = Math.floor(sum / TWO_16)
  scaled[at] = productHigh
  scaled[at + 1] = (sum - productHigh * TWO_16) * TWO_16 + lowest
}

/**
 * Finds the power of ten that scales a number of this exponent so that its digits can be read;
 * returns its step.
 */
function scaleFor(exponent: number): number {
  let step = Math.trunc((Math.trunc(-(exponent + 87) * LOG10_OF_2) - SCALE_POWER_MIN) / SCALE_POWER_STEP)
  while (true) {
    const scaled = exponent + scaleOf(step).exponent + 64
    if (scaled < SCALED_EXPONENT_MIN) step++
    else if (scaled > SCALED_EXPONENT_MAX) step--
    else return step
  }
}

const scales: Scale[] = []

/**
 * Bits behind the point of a power of ten before it is rounded: many more than 64 even for the
 * smallest.
 */
const POWER_BITS = 1300

/** Returns the power of ten of a step, rounded to 64 bits; each is computed once. */
function scaleOf(step: number): Scale {
  const known = scales[step]
  if (known !== undefined) return known
  const power = SCALE_POWER_MIN + step * SCALE_POWER_STEP
  const one = 1n << BigInt(POWER_BITS)
  const exact = power >= 0 ? 10n ** BigInt(power) * one : one / 10n ** BigInt(-power)
  const excess = exact.toString(2).length - 64
  const rounded = (exact + (1n << BigInt(excess - 1))) >> BigInt(excess)
  const part = (i: number): number => Number((rounded >> BigInt(16 * i)) & 0xffffn)
  const made = { part0: part(0), part1: part(1), part2: part(2), part3: part(3), exponent: excess - POWER_BITS }
  scales[step] = made
  return made
}
