// The distance of two places with all its digits, for results that are stored (STOREDIST).
//
// It is the formula of geo-area.ts in the same order. There Math's sines are used, which are quick
// and good enough for the four decimals of a reply.

import { arcSine, cosine, sine } from '../../util/numbers/exact-trigonometry.ts'
import { EARTH_RADIUS_M, RADIANS } from './geo-area.ts'
import type { Place } from './geohash.ts'

/**
 * Returns the distance of two places in metres. All digits are those of C, except in one or two of
 * a thousand cases.
 */
export function exactDistanceBetween(from: Place, to: Place): number {
  const v = sine((to.longitude * RADIANS - from.longitude * RADIANS) / 2)
  const fromLatitude = from.latitude * RADIANS
  const toLatitude = to.latitude * RADIANS
  if (v === 0) return EARTH_RADIUS_M * Math.abs(toLatitude - fromLatitude)
  const u = sine((toLatitude - fromLatitude) / 2)
  return 2 * EARTH_RADIUS_M * arcSine(Math.sqrt(u * u + cosine(fromLatitude) * cosine(toLatitude) * v * v))
}
