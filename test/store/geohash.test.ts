import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Area, CELL_PARTS, cellsOf, distanceBetween } from '../../src/store/derived/geo-area.ts'
import { cellScores, cellStart, geohashText, placeOfScore, scoreOf } from '../../src/store/derived/geohash.ts'

const longitudes = fc.double({ min: -180, max: 180, noNaN: true })
const latitudes = fc.double({ min: -85.05112878, max: 85.05112878, noNaN: true })

describe('a score', () => {
  test('is known for known places', () => {
    expect(scoreOf(13.361389, 38.115556)).toBe(3479099956230698)
    expect(scoreOf(-180, -85.05112878)).toBe(0)
    expect(scoreOf(180, 85.05112878)).toBe(13510798882111488)
    expect(geohashText({ longitude: 13.361389338970184, latitude: 38.1155563954963 })).toBe('sqc8b49rny0')
  })

  test('leads back to its place within half a metre', () => {
    fc.assert(
      fc.property(longitudes, latitudes, (longitude, latitude) => {
        const place = { longitude: 0, latitude: 0 }
        placeOfScore(scoreOf(longitude, latitude), place)
        expect(distanceBetween(longitude, latitude, place.longitude, place.latitude)).toBeLessThan(0.5)
      }),
      { numRuns: 1000 },
    )
  })

  test('that is none is a place all the same', () => {
    const place = { longitude: 0, latitude: 0 }
    for (const [score, longitude, latitude] of [
      [-5, 180, 85.05112878],
      [Number.NEGATIVE_INFINITY, 180, -85.05112751263943],
      [Number.POSITIVE_INFINITY, -179.99999731779099, -85.05112751263943],
      [2 ** 53, 180, -85.05112751263943],
    ] as const) {
      placeOfScore(score, place)
      expect(place).toEqual({ longitude, latitude })
    }
  })
})

function distanceTo(area: Area, score: number): number {
  const distances = new Float64Array(1)
  area.measure(Float64Array.of(score), distances, 0, 1)
  return distances[0]!
}

describe('the cells of an area', () => {
  test('hold every place within it', () => {
    fc.assert(
      fc.property(
        longitudes,
        fc.double({ min: -75, max: 75, noNaN: true }),
        fc.double({ min: 0.1, max: 300_000, noNaN: true }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.boolean(),
        (longitude, latitude, size, dx, dy, isBox) => {
          const area = Object.assign(new Area(), {
            longitude,
            latitude,
            radius: size,
            width: size,
            height: size,
            isBox,
          })
          area.prepare()
          const degrees = size / 111_000
          const x = longitude + (dx * degrees) / Math.cos((latitude * Math.PI) / 180)
          const y = latitude + dy * degrees
          fc.pre(Math.abs(x) <= 180 && Math.abs(y) <= 85)
          const score = scoreOf(x, y)
          // Less than a millimetre from 180° a place is one past the last column, where Redis does not look either.
          fc.pre(score < 2 ** 52)
          const place = { longitude: 0, latitude: 0 }
          placeOfScore(score, place)
          const distance = distanceBetween(longitude, latitude, place.longitude, place.latitude)
          const measured = distanceTo(area, score)
          if (!isBox) expect(measured).toBe(distance > size ? -1 : distance)
          fc.pre(measured >= 0)
          const holds = cellsOf(area).some((cell) => {
            const start = cellStart(cell)
            return score >= start && score < start + cellScores(cell.step)
          })
          expect(holds).toBe(true)
        },
      ),
      { numRuns: 3000 },
    )
  })

  test('have no place of it in parts that are left out', () => {
    // From a metre to farther than there is.
    const sizes = fc.oneof(
      fc.double({ min: 0, max: 7.4, noNaN: true }).map((exponent) => 10 ** exponent),
      fc.constantFrom(0, Number.POSITIVE_INFINITY),
    )
    // Where columns end and begin, and where there are few metres to a degree.
    const edgy = (values: fc.Arbitrary<number>, max: number) =>
      fc.oneof(values, fc.constantFrom(-max, max, 0), fc.double({ min: max - 1, max, noNaN: true }))
    const x = edgy(longitudes, 180)
    const y = edgy(latitudes, 85.05112878)
    let within = 0
    let leftOut = 0
    fc.assert(
      fc.property(x, y, sizes, sizes, fc.boolean(), x, y, (longitude, latitude, width, height, isBox, far, high) => {
        const area = Object.assign(new Area(), { longitude, latitude, radius: width, width, height, isBox })
        area.prepare()
        // One place anywhere and one at the edge, as far as that can be told.
        const degrees = Math.min(width, height) / 111_200
        const edge = Math.min(85.05112878, Math.max(-85.05112878, latitude + degrees * Math.sign(high)))
        const side = longitude + (Math.sign(far) * degrees) / Math.cos((latitude * Math.PI) / 180)
        for (const score of [
          scoreOf(far, high),
          scoreOf(longitude, edge),
          scoreOf(Math.abs(side) <= 180 ? side : longitude, latitude),
        ]) {
          if (distanceTo(area, score) < 0) continue
          within++
          for (const cell of cellsOf(area)) {
            const start = cellStart(cell)
            const scores = cellScores(cell.step)
            if (score < start || score >= start + scores) continue
            const parts = area.partsWithin(cell)
            if (parts !== 0xffff) leftOut++
            const part = Math.floor(((score - start) / scores) * CELL_PARTS)
            expect((parts >>> part) & 1).toBe(1)
          }
        }
      }),
      { numRuns: 5000 },
    )
    // Had neither been the case, nothing would have been shown.
    expect(within).toBeGreaterThan(500)
    expect(leftOut).toBeGreaterThan(500)
  })

  test('are looked at in parts: of those beside a small area only few', () => {
    const area = Object.assign(new Area(), { longitude: 10, latitude: 47, radius: 50_000 })
    area.prepare()
    let parts = 0
    for (const cell of cellsOf(area)) for (let bits = area.partsWithin(cell); bits !== 0; bits &= bits - 1) parts++
    expect(parts).toBeLessThan(45)
  })
})
