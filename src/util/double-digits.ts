// The decimal digits of a double as Redis 7.2 finds them: by Grisu2 (Loitsch, "Printing Floating-Point Numbers Quickly and
// Accurately with Integers", 2010).
//
// Grisu2 works with 64 bits of a rounded power of ten, so it looks for the shortest digits in an interval a little narrower
// than that of all numbers that read back the same. For about one double in a thousand it misses the shortest or the nearest
// digits, which JavaScript finds: it prints 1.33e22 as 13299999999999999000000. Most doubles that people write have at most 15
// digits and lie well inside the interval; there both find the same, and JavaScript's are taken.

/** Digits and the power of ten of the last one: `{ digits: '125', power: -2 }` is 1.25. */
export interface DecimalDigits {
  digits: string
  power: number
}

/** A number of 64 significant bits: fraction × 2^exponent. */
interface Binary64 {
  fraction: bigint
  exponent: number
}

const view = new DataView(new ArrayBuffer(8))

/** Finds the digits of a finite double above zero. */
export function decimalDigits(value: number): DecimalDigits {
  const text = value.toExponential()
  const e = text.indexOf('e')
  const digits = text[0]! + text.slice(2, e)
  const power = Number(text.slice(e + 1)) - digits.length + 1
  return isCertain(value, digits, power) ? { digits, power } : grisu2(value)
}

/** Numbers of so few digits lie more than four doubles apart: no two are near the same one. */
const DIGITS_CERTAIN_MAX = 15
/** Powers of ten that are doubles. */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, power) => 10 ** power)
/** Grisu2's interval is narrower than the true one by 2 of 1024 parts at most; this leaves more. */
const MARGIN = 0.98
/** 2^27 + 1 cuts a double into halves whose products are exact (Dekker). */
const HALVES = 134217729

/** Tells whether the shortest digits lie so far inside the interval of `value` that Grisu2 finds them as well. */
function isCertain(value: number, digits: string, power: number): boolean {
  if (digits.length > DIGITS_CERTAIN_MAX || power >= 0 || power < -22) return false
  const scale = POWERS_OF_TEN[-power]!
  // value × scale = product + error, exactly.
  const product = value * scale
  const a = HALVES * value - (HALVES * value - value)
  const b = HALVES * scale - (HALVES * scale - scale)
  const error = a * b - product + a * (scale - b) + (value - a) * b + (value - a) * (scale - b)
  const distance = Math.abs(Number(digits) - product - error)
  // Half the way to the next double; the one below a power of two is nearer.
  view.setFloat64(0, value)
  const high = view.getUint32(0)
  if ((high & 0xfffff) === 0 && view.getUint32(4) === 0) return false
  view.setUint32(0, high & 0x7ff00000)
  view.setUint32(4, 0)
  return distance < view.getFloat64(0) * 2 ** -53 * scale * MARGIN
}

/** The powers of ten that scale numbers stand eight apart, from this one on. */
const SCALE_POWER_MIN = -348
const SCALE_POWER_STEP = 8
/** Where the exponent of a scaled number lies. */
const SCALED_EXPONENT_MIN = -60
const SCALED_EXPONENT_MAX = -32
const LOG10_OF_2 = 0.30102999566398114

const HIDDEN_BIT = 1n << 52n

function grisu2(value: number): DecimalDigits {
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const biased = Number(bits >> 52n)
  const fraction = (bits & (HIDDEN_BIT - 1n)) | (biased === 0 ? 0n : HIDDEN_BIT)
  const exponent = (biased === 0 ? 1 : biased) - 1075

  // The number and the middles between it and its neighbours; the neighbour below a power of two is half as far away.
  const middle = normalize(fraction, exponent)
  const upper = normalize(2n * fraction + 1n, exponent - 1)
  const shift = fraction === HIDDEN_BIT ? 2 : 1
  const lower = ((fraction << BigInt(shift)) - 1n) << BigInt(exponent - shift - upper.exponent)

  const { power, scale } = scaleFor(upper.exponent)
  const top = times(upper.fraction, scale.fraction) - 1n
  const width = top - times(lower, scale.fraction) - 1n
  const distance = top - times(middle.fraction, scale.fraction)
  return generate(top, width, distance, -(upper.exponent + scale.exponent + 64), -power)
}

/** Finds the fewest digits within `width` below `top`, `bits` of which are its fraction; the middle lies `distance` below it. */
function generate(top: bigint, width: bigint, distance: bigint, bits: number, power: number): DecimalDigits {
  const shift = BigInt(bits)
  const one = 1n << shift
  const whole = String(top >> shift)
  let rest = top & (one - 1n)
  // As many digits of the whole part as it takes.
  if (width >= one) {
    for (let length = 1; length <= whole.length; length++) {
      const unit = 10n ** BigInt(whole.length - length) * one
      const left = top % unit
      if (left > width) continue
      return {
        digits: nearer(whole.slice(0, length), width, left, unit, distance),
        power: power + whole.length - length,
      }
    }
  } else if (rest <= width) {
    // Too little room for another whole number: only zeros can be left out.
    const digits = whole.replace(/0+$/, '')
    return { digits, power: power + whole.length - digits.length }
  }
  // The digits behind the point, with 64 bits as two halves in numbers: bigints took four times as long.
  const unit = 2 ** (bits - 32)
  let [restHigh, restLow] = halves(rest)
  let [widthHigh, widthLow] = halves(width)
  let digits = whole === '0' ? '' : whole
  let scale = 1
  do {
    restLow *= 10
    widthLow *= 10
    const restCarry = Math.floor(restLow / TWO_32)
    const widthCarry = Math.floor(widthLow / TWO_32)
    restLow -= restCarry * TWO_32
    widthLow -= widthCarry * TWO_32
    restHigh = restHigh * 10 + restCarry
    widthHigh = widthHigh * 10 + widthCarry
    const digit = Math.floor(restHigh / unit)
    restHigh -= digit * unit
    digits += digit
    scale *= 10
    power--
  } while (restHigh > widthHigh || (restHigh === widthHigh && restLow >= widthLow))
  rest = joined(restHigh, restLow)
  return { digits: nearer(digits, joined(widthHigh, widthLow), rest, one, distance * BigInt(scale)), power }
}

const TWO_32 = 2 ** 32

function halves(value: bigint): [high: number, low: number] {
  return [Number(value >> 32n), Number(value & 0xffffffffn)]
}

function joined(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low)
}

/** Lowers the last digit while that stays within the width and brings the number nearer to the middle. */
function nearer(digits: string, width: bigint, rest: bigint, unit: bigint, distance: bigint): string {
  let lowered = 0
  while (rest < distance && width - rest >= unit) {
    const next = rest + unit
    if (next >= distance && distance - rest <= next - distance) break
    rest = next
    lowered++
  }
  return lowered === 0 ? digits : digits.slice(0, -1) + String(Number(digits.at(-1)) - lowered)
}

/** The upper 64 bits of a product, rounded. */
function times(a: bigint, b: bigint): bigint {
  return (a * b + (1n << 63n)) >> 64n
}

function normalize(fraction: bigint, exponent: number): Binary64 {
  const high = Number(fraction >> 32n)
  const shift = high === 0 ? 32 + Math.clz32(Number(fraction)) : Math.clz32(high)
  return { fraction: fraction << BigInt(shift), exponent: exponent - shift }
}

/** Finds the power of ten that brings a number of this exponent to where its digits can be read. */
function scaleFor(exponent: number): { power: number; scale: Binary64 } {
  let step = Math.trunc((Math.trunc(-(exponent + 87) * LOG10_OF_2) - SCALE_POWER_MIN) / SCALE_POWER_STEP)
  while (true) {
    const power = SCALE_POWER_MIN + step * SCALE_POWER_STEP
    const scale = powerOfTen(power)
    const scaled = exponent + scale.exponent + 64
    if (scaled < SCALED_EXPONENT_MIN) step++
    else if (scaled > SCALED_EXPONENT_MAX) step--
    else return { power, scale }
  }
}

const powers = new Map<number, Binary64>()

/** Bits behind the point of a power of ten before it is rounded: many more than 64 for the smallest one, too. */
const POWER_BITS = 1300

/** Returns 10^power rounded to 64 bits; each is computed once. */
function powerOfTen(power: number): Binary64 {
  const known = powers.get(power)
  if (known !== undefined) return known
  const one = 1n << BigInt(POWER_BITS)
  const exact = power >= 0 ? 10n ** BigInt(power) * one : one / 10n ** BigInt(-power)
  const excess = exact.toString(2).length - 64
  const rounded = (exact + (1n << BigInt(excess - 1))) >> BigInt(excess)
  const made = { fraction: rounded, exponent: excess - POWER_BITS }
  powers.set(power, made)
  return made
}
