// The math library. Its random numbers are Redis's (rand48.ts); all scripts of an engine share
// them.

import { NONE } from '../calling-convention.ts'
import { argumentError, expectInt, expectNumber, library, libraryError } from '../library.ts'
import { power } from '../operations.ts'
import { RANDOM_MAX, type Rand48 } from '../rand48.ts'
import { meter } from '../script-meter.ts'
import type { LuaTable } from '../table.ts'
import type { LuaResult, LuaValue } from '../value.ts'

/** Arguments per step, as a power of two. */
const VALUES_PER_STEP_BITS = 3

function random(chance: Rand48, args: readonly LuaValue[]): LuaResult {
  const fraction = (chance.next() % RANDOM_MAX) / RANDOM_MAX
  switch (args.length) {
    case 0:
      return fraction
    case 1: {
      const upper = expectInt(args[0], 1, 'random', 1)
      if (upper < 1) argumentError(1, 'random', 'interval is empty')
      return Math.floor(fraction * upper) + 1
    }
    case 2: {
      const lower = expectInt(args[0], 1, 'random', 2)
      const upper = expectInt(args[1], 2, 'random', 2)
      if (lower > upper) argumentError(2, 'random', 'interval is empty')
      // The width wraps, as C's int does.
      return Math.floor(fraction * ((upper - lower + 1) | 0)) + lower
    }
    default:
      throw libraryError('wrong number of arguments')
  }
}

/** A function of one number. */
function unary(name: string, compute: (x: number) => number): (x: LuaValue, ...rest: LuaValue[]) => LuaResult {
  return function (x) {
    return compute(typeof x === 'number' ? x : expectNumber(x, 1, name, arguments.length))
  }
}

/** A function of two numbers. The second is checked first, as C compilers do. */
function binary(name: string, compute: (x: number, y: number) => number): (x: LuaValue, y: LuaValue) => LuaResult {
  return function (x, y) {
    const second = typeof y === 'number' ? y : expectNumber(y, 2, name, arguments.length)
    return compute(typeof x === 'number' ? x : expectNumber(x, 1, name, arguments.length), second)
  }
}

/** Returns the largest or smallest argument, as comparing them in turn finds it. */
function extreme(name: string, better: (x: number, y: number) => boolean): (...args: LuaValue[]) => LuaResult {
  return (...args) => {
    meter.spend(args.length >> VALUES_PER_STEP_BITS)
    let best = expectNumber(args[0], 1, name, args.length)
    for (let i = 1; i < args.length; i++) {
      const value = expectNumber(args[i], i + 1, name, args.length)
      if (better(value, best)) best = value
    }
    return best
  }
}

function frexp(value: LuaValue): LuaResult {
  const x = expectNumber(value, 1, 'frexp', arguments.length)
  if (x === 0 || !Number.isFinite(x)) return [x, 0]
  let exponent = Math.max(-1023, Math.floor(Math.log2(Math.abs(x))) + 1)
  let mantissa = x * 2 ** -exponent
  while (Math.abs(mantissa) < 0.5) {
    mantissa *= 2
    exponent--
  }
  while (Math.abs(mantissa) >= 1) {
    mantissa /= 2
    exponent++
  }
  return [mantissa, exponent]
}

/** x × 2^exponent, in steps that neither overflow nor underflow early. */
function ldexp(x: number, exponent: number): number {
  if (x === 0 || !Number.isFinite(x)) return x
  const steps = Math.min(3, Math.ceil(Math.abs(exponent) / 1023))
  let result = x
  for (let i = 0; i < steps; i++) result *= 2 ** Math.floor((exponent + i) / steps)
  return result
}

function modf(value: LuaValue): LuaResult {
  const x = expectNumber(value, 1, 'modf', arguments.length)
  if (!Number.isFinite(x)) return [x, Number.isNaN(x) ? x : x > 0 ? 0 : -0]
  const whole = Math.trunc(x)
  return [whole, x - whole === 0 && (x < 0 || Object.is(x, -0)) ? -0 : x - whole]
}

export function mathLibrary(chance: Rand48): LuaTable {
  // C's fmod and JavaScript's remainder are the same operation.
  const fmod = binary('fmod', (x, y) => x % y)
  return library({
    abs: unary('abs', Math.abs),
    acos: unary('acos', Math.acos),
    asin: unary('asin', Math.asin),
    atan: unary('atan', Math.atan),
    atan2: binary('atan2', Math.atan2),
    ceil: unary('ceil', Math.ceil),
    cos: unary('cos', Math.cos),
    cosh: unary('cosh', Math.cosh),
    deg: unary('deg', (x) => x / (Math.PI / 180)),
    exp: unary('exp', Math.exp),
    floor: unary('floor', Math.floor),
    fmod,
    frexp,
    huge: Number.POSITIVE_INFINITY,
    ldexp: binary('ldexp', (x, y) => ldexp(x, expectInt(y, 2, 'ldexp'))),
    log: unary('log', Math.log),
    log10: unary('log10', Math.log10),
    max: extreme('max', (x, y) => x > y),
    min: extreme('min', (x, y) => x < y),
    mod: fmod,
    modf,
    pi: Math.PI,
    pow: binary('pow', power),
    rad: unary('rad', (x) => x * (Math.PI / 180)),
    random(...args) {
      return random(chance, args)
    },
    randomseed(seed) {
      chance.seed(expectInt(seed, 1, 'randomseed', arguments.length))
      return NONE
    },
    sin: unary('sin', Math.sin),
    sinh: unary('sinh', Math.sinh),
    sqrt: unary('sqrt', Math.sqrt),
    tan: unary('tan', Math.tan),
    tanh: unary('tanh', Math.tanh),
  })
}
