import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Area, cellsOf, distanceBetween } from '../../src/store/geo-area.ts'
import { cellScores, cellStart, geohashText, placeOfScore, scoreOf } from '../../src/store/geohash.ts'

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
          const place = { longitude: 0, latitude: 0 }
          placeOfScore(score, place)
          const distance = distanceBetween(longitude, latitude, place.longitude, place.latitude)
          if (!isBox) expect(area.distanceTo(score)).toBe(distance > size ? -1 : distance)
          fc.pre(area.distanceTo(score) >= 0)
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
})
