// Places on earth as numbers: geohashes of 52 bits, which are exact as scores of a sorted set.
//
// Longitude and latitude are each divided into 2^26 steps. The bits of both are interleaved,
// longitude's first, so a square of the map of any size is a range of scores. Latitudes end where
// the Mercator projection is a square.
//
// A cell is such a square: `step` bits of each coordinate. Its numbers are kept separately, and
// interleaved only to make a range of scores.

export const LONGITUDE_MAX = 180
export const LATITUDE_MAX = 85.05112878
export const STEP_MAX = 26
const STEPS = 2 ** STEP_MAX
/** Half of a hash: 13 bits of each coordinate. */
const HALF = 2 ** STEP_MAX
/** Larger scores have bits that do not fit two numbers of 28 bits. */
const SPLIT_MAX = 2 ** 54

/** A square of the map: row `y` from the south, column `x` from the west, 2^step of either. */
export interface Cell {
  x: number
  y: number
  step: number
}

/** A place, in degrees. */
export interface Place {
  longitude: number
  latitude: number
}

export function isOnMap(longitude: number, latitude: number): boolean {
  return Math.abs(longitude) <= LONGITUDE_MAX && Math.abs(latitude) <= LATITUDE_MAX
}

/**
 * Returns the cell of a place. At the very east and north its column and row are one past the last,
 * as in Redis.
 */
export function cellOf(longitude: number, latitude: number, step: number): Cell {
  const columns = 2 ** step
  return {
    x: Math.floor(((longitude + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)) * columns),
    y: Math.floor(((latitude + LATITUDE_MAX) / (2 * LATITUDE_MAX)) * columns),
    step,
  }
}

/** Returns the score of a place. */
export function scoreOf(longitude: number, latitude: number): number {
  const { x, y } = cellOf(longitude, latitude, STEP_MAX)
  return interleave(x, y)
}

/**
 * Returns the lowest score of a cell. The next cell in the order of scores begins
 * `cellScores(step)` higher.
 */
export function cellStart({ x, y, step }: Cell): number {
  return interleave(x, y) * cellScores(step)
}

/** Returns the number of scores of a cell of a step. */
export function cellScores(step: number): number {
  return 4 ** (STEP_MAX - step)
}

export function westEdge({ x, step }: Cell): number {
  return -LONGITUDE_MAX + (x / 2 ** step) * (2 * LONGITUDE_MAX)
}

export function eastEdge({ x, step }: Cell): number {
  return -LONGITUDE_MAX + ((x + 1) / 2 ** step) * (2 * LONGITUDE_MAX)
}

export function southEdge({ y, step }: Cell): number {
  return -LATITUDE_MAX + (y / 2 ** step) * (2 * LATITUDE_MAX)
}

export function northEdge({ y, step }: Cell): number {
  return -LATITUDE_MAX + ((y + 1) / 2 ** step) * (2 * LATITUDE_MAX)
}

/** Sets `place` to the middle of the smallest cell of a score. Every double is accepted. */
export function placeOfScore(score: number, place: Place): void {
  place.longitude = longitudeOfScore(score)
  place.latitude = latitudeOfScore(score)
}

function longitudeOfScore(score: number): number {
  return longitudeOfColumn(isBelowSplit(score) ? columnOfScore(score) : pickEvery(integerBits(score) >> 1n))
}

function latitudeOfScore(score: number): number {
  return latitudeOfRow(isBelowSplit(score) ? rowOfScore(score) : pickEvery(integerBits(score)))
}

function isBelowSplit(score: number): boolean {
  return score >= 0 && score < SPLIT_MAX
}

/** Returns the column of a score, among 2^26; 0 ≤ score < 2^54. */
export function columnOfScore(score: number): number {
  const high = (score / HALF) | 0
  return (pickBits(high >>> 1) << 13) | pickBits(((score - high * HALF) | 0) >>> 1)
}

/** Returns the row of a score, among 2^26; 0 ≤ score < 2^54. */
export function rowOfScore(score: number): number {
  const high = (score / HALF) | 0
  return (pickBits(high) << 13) | pickBits((score - high * HALF) | 0)
}

/** Returns the longitude of the middle of a column, among 2^26. */
export function longitudeOfColumn(x: number): number {
  const west = -LONGITUDE_MAX + (x / STEPS) * (2 * LONGITUDE_MAX)
  const east = -LONGITUDE_MAX + ((x + 1) / STEPS) * (2 * LONGITUDE_MAX)
  return clamp((west + east) / 2, LONGITUDE_MAX)
}

/** Returns the latitude of the middle of a row, among 2^26. */
export function latitudeOfRow(y: number): number {
  const south = -LATITUDE_MAX + (y / STEPS) * (2 * LATITUDE_MAX)
  const north = -LATITUDE_MAX + ((y + 1) / STEPS) * (2 * LATITUDE_MAX)
  return clamp((south + north) / 2, LATITUDE_MAX)
}

function clamp(value: number, max: number): number {
  return value > max ? max : value < -max ? -max : value
}

/**
 * Interleaves two numbers of up to 27 bits. A result of more than 53 bits is rounded to a double.
 */
function interleave(x: number, y: number): number {
  const high = spreadBits(y >>> 13) | (spreadBits(x >>> 13) << 1)
  const low = spreadBits(y & 0x1fff) | (spreadBits(x & 0x1fff) << 1)
  return high * HALF + low
}

/** Puts a zero before each of 14 bits. */
function spreadBits(word: number): number {
  word = (word | (word << 8)) & 0x00ff00ff
  word = (word | (word << 4)) & 0x0f0f0f0f
  word = (word | (word << 2)) & 0x33333333
  return (word | (word << 1)) & 0x55555555
}

/** Takes every second bit, from the lowest on. */
function pickBits(word: number): number {
  word &= 0x55555555
  word = (word | (word >>> 1)) & 0x33333333
  word = (word | (word >>> 2)) & 0x0f0f0f0f
  word = (word | (word >>> 4)) & 0x00ff00ff
  return (word | (word >>> 8)) & 0x0000ffff
}

/**
 * Converts a score that is not a geohash to 64 bits as C does (x86-64: GEOPOS of members with such
 * scores shows it).
 */
function integerBits(score: number): bigint {
  if (score >= 2 ** 64) return 0n
  if (score < -(2 ** 63)) return 1n << 63n
  return BigInt.asUintN(64, BigInt(Math.trunc(score)))
}

function pickEvery(bits: bigint): number {
  let picked = 0
  for (let i = 0n; i < 32n; i++) if (((bits >> (2n * i)) & 1n) === 1n) picked += 2 ** Number(i)
  return picked
}

// ── the textual form ────────────────────────────────────────────────────────

const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz'

/**
 * Returns the standard geohash of a place, 11 characters. In it latitudes reach the poles. The last
 * character is always `0`, because 52 bits are not 55.
 */
export function geohashText({ longitude, latitude }: Place): string {
  // One past the last column is column 0 here.
  const x = Math.floor(((longitude + 180) / 360) * STEPS) % STEPS
  const y = Math.floor(((latitude + 90) / 180) * STEPS) % STEPS
  const bits = BigInt(interleave(x, y))
  let text = ''
  for (let shift = 47n; shift > 0n; shift -= 5n) text += ALPHABET[Number((bits >> shift) & 31n)]
  return `${text}0`
}
