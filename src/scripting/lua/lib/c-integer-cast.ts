// Casts of doubles to 64-bit integers like C compiled for x86-64, out of range too, because scripts
// see the results.

const INT64_MIN = -(2n ** 63n)

/** Casts to a signed 64-bit integer. Values that do not fit, and NaN, give -2^63. */
export function castSigned(value: number): bigint {
  return value >= -0x8000000000000000 && value < 0x8000000000000000 ? BigInt(Math.trunc(value)) : INT64_MIN
}

/**
 * Casts to an unsigned 64-bit integer: negative numbers wrap around, 2^64 and more are 0, NaN is
 * 2^63.
 */
export function castUnsigned(value: number): bigint {
  if (value >= 0x8000000000000000) return value < 0x10000000000000000 ? BigInt(value) : 0n
  return BigInt.asUintN(64, castSigned(value))
}
