// Sines, cosines and arc sines rounded to the nearest double, as C's library returns them in all
// but very few cases.
//
// Math.sin and the like may be wrong in the last bit, and not where C's library is. Here the series
// are summed in pairs of doubles, high + low, which hold some 104 bits (T. J. Dekker, "A
// floating-point technique for extending the available precision", 1971). It takes ten times as
// long, so it is for results that are kept with all their digits.

import { itemAt, numberAt } from '../array-reads.ts'

/**
 * π / 2 in three parts, so that an angle keeps its digits when whole quarters of a turn are
 * subtracted.
 */
const QUARTER_TURN = [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33] as const
/** Splits a double into halves of 26 bits, whose products are exact. */
const SPLITTER = 2 ** 27 + 1
/** Up to π / 4 the last term is below 2^-110 of the sum. */
const TERMS = 14
/** Nearer to 1 the slope of an arc sine is so steep that the step below would overshoot. */
const SLOPE_MIN = 1e-3

/**
 * The sum that a function on pairs returns: a double, and what is below its last digit. None calls
 * out while another needs it.
 */
const pair = {
  high: 0,
  low: 0,
}

/** 1 / n! with its sign in the series, as pairs: n = 3, 5, … and n = 2, 4, …. */
const SINE_SERIES = alternatingReciprocals(3)
const COSINE_SERIES = alternatingReciprocals(2)

/** Returns the sine of an angle in radians, of a few turns at most. */
export function sine(x: number): number {
  turn(x, 0)
  return pair.high
}

/** Returns the cosine of an angle in radians, of a few turns at most. */
export function cosine(x: number): number {
  turn(x, 1)
  return pair.high
}

/** Returns the angle in radians whose sine is x; 0 ≤ x ≤ 1. */
export function arcSine(x: number): number {
  const near = Math.asin(x)
  const slope = Math.cos(near)
  if (slope < SLOPE_MIN) return near
  // One step of Newton's method doubles the digits.
  turn(near, 0)
  return near + (x - pair.high - pair.low) / slope
}

/** Makes (high, low) the sine of x plus `quarters` quarters of a turn. */
function turn(x: number, quarters: number): void {
  const whole = Math.round(x / QUARTER_TURN[0])
  let restHigh = x
  let restLow = 0
  for (let i = 0; i < QUARTER_TURN.length && whole !== 0; i++) {
    multiply(itemAt(QUARTER_TURN, i), 0, -whole, 0)
    add(restHigh, restLow, pair.high, pair.low)
    restHigh = pair.high
    restLow = pair.low
  }
  multiply(restHigh, restLow, restHigh, restLow)
  const squareHigh = pair.high
  const squareLow = pair.low
  const quadrant = whole + quarters
  if ((quadrant & 1) === 0) {
    sum(SINE_SERIES, squareHigh, squareLow)
    multiply(pair.high, pair.low, restHigh, restLow)
    add(restHigh, restLow, pair.high, pair.low)
  } else {
    sum(COSINE_SERIES, squareHigh, squareLow)
    add(1, 0, pair.high, pair.low)
  }
  if ((quadrant & 2) !== 0) {
    pair.high = -pair.high
    pair.low = -pair.low
  }
}

/**
 * Makes (high, low) the sum of a series. Each term has one more factor of the square than the one
 * before; the first has one.
 */
function sum(series: Float64Array, squareHigh: number, squareLow: number): void {
  pair.high = 0
  pair.low = 0
  for (let i = 2 * TERMS - 2; i >= 0; i -= 2) {
    add(pair.high, pair.low, numberAt(series, i), numberAt(series, i + 1))
    multiply(pair.high, pair.low, squareHigh, squareLow)
  }
}

function add(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const total = aHigh + bHigh
  const b = total - aHigh
  const rest = aHigh - (total - b) + (bHigh - b) + aLow + bLow
  pair.high = total + rest
  pair.low = rest - (pair.high - total)
}

function multiply(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const total = aHigh * bHigh
  const rest = productRest(aHigh, bHigh, total) + (aHigh * bLow + aLow * bHigh)
  pair.high = total + rest
  pair.low = rest - (pair.high - total)
}

/** Returns the difference between a × b and its double, exactly. */
function productRest(a: number, b: number, product: number): number {
  const aTop = SPLITTER * a - (SPLITTER * a - a)
  const bTop = SPLITTER * b - (SPLITTER * b - b)
  const aRest = a - aTop
  const bRest = b - bTop
  return aRest * bRest - (product - aTop * bTop - aRest * bTop - aTop * bRest)
}

function alternatingReciprocals(first: number): Float64Array {
  const series = new Float64Array(2 * TERMS)
  let h = 1
  let l = 0
  for (let n = 2; n < first + 2 * TERMS; n++) {
    const quotient = h / n
    const product = quotient * n
    l = (h - product - productRest(quotient, n, product) + l) / n
    h = quotient
    if ((n - first) % 2 !== 0) continue
    const i = n - first
    const sign = i % 4 === 0 ? -1 : 1
    series[i] = sign * h
    series[i + 1] = sign * l
  }
  return series
}
