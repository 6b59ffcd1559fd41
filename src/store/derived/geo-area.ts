// Areas in which places are searched: circles, and boxes aligned with the compass.
//
// Distances are along great circles of a sphere (the haversine formula). An area is searched cell
// by cell: the cell of its centre, roughly as large as the area, and the eight cells around it. The
// order of the cells shows in unsorted replies.

import { itemAt, numberAt } from '../../util/array-reads.ts'
import {
  type Cell,
  cellOf,
  columnOfScore,
  eastEdge,
  LATITUDE_MAX,
  LONGITUDE_MAX,
  latitudeOfRow,
  longitudeOfColumn,
  northEdge,
  type Place,
  rowOfScore,
  STEP_MAX,
  southEdge,
  westEdge,
} from './geohash.ts'

export const EARTH_RADIUS_M = 6372797.560856
export const RADIANS = Math.PI / 180
/** Half the circumference of the earth on the Mercator map, in metres. */
const MERCATOR_MAX_M = 20037726.37

/** The number of parts of a cell: four columns in four rows. */
export const CELL_PARTS = 16
const ALL_PARTS = 2 ** CELL_PARTS - 1
/**
 * Bits of the parts in each column of a cell, from the west, and in each row, from the south. Part
 * n is the n-th in the order of scores.
 */
const COLUMN_PARTS = [0x0033, 0x00cc, 0x3300, 0xcc00] as const
const ROW_PARTS = [0x0505, 0x0a0a, 0x5050, 0xa0a0] as const

/** The rounding of sines and cosines is far below this, and below a millimetre. */
const ROUNDING = 1 + 1e-9
const ROUNDING_M = 1e-3
/**
 * Near its end an arc sine turns rounding errors into metres. So no place is excluded by a sine
 * from this value on.
 */
const SINE_MAX = 0.999

/** A circle, or a box if `isBox`, around its place. All lengths are in metres. */
export class Area implements Place {
  longitude = 0
  latitude = 0
  radius = 0
  width = 0
  height = 0
  isBox = false
  // Values that are the same for all places: see `prepare`.
  #longitudeRadians = 0
  #latitudeRadians = 0
  #latitudeCosine = 0
  #southernmost = 0
  #northernmost = 0
  /** Degrees of longitude that it reaches to the west and the east; Infinity = around the earth. */
  #longitudeReach = 0
  #haversineMax = 0

  /** Must be called when the area is complete, before `measure` and `partsWithin`. */
  prepare(): void {
    this.#longitudeRadians = this.longitude * RADIANS
    this.#latitudeRadians = this.latitude * RADIANS
    this.#latitudeCosine = Math.cos(this.#latitudeRadians)
    const reach = (this.isBox ? this.height / 2 : this.radius) * ROUNDING + ROUNDING_M
    const angle = reach / EARTH_RADIUS_M
    this.#southernmost = this.latitude - angle / RADIANS
    this.#northernmost = this.latitude + angle / RADIANS
    this.#longitudeReach = this.#longitudesWithin(angle)
    const sine = Math.sin(Math.min(angle / 2, Math.PI / 2))
    this.#haversineMax = sine < SINE_MAX ? sine * sine : 2
  }

  /**
   * Returns an upper bound of the degrees of longitude that the area has to either side. `angle` is
   * its reach to the north and south.
   */
  #longitudesWithin(angle: number): number {
    let sine: number
    if (this.isBox) {
      // A box has the same width in metres everywhere, so it has most degrees where it is nearest
      // to a pole.
      const latitude = Math.max(-this.#southernmost, this.#northernmost)
      if (latitude >= 90) return Number.POSITIVE_INFINITY
      const half = ((this.width / 2) * ROUNDING + ROUNDING_M) / EARTH_RADIUS_M / 2
      sine = half < Math.PI / 2 ? Math.sin(half) / Math.cos(latitude * RADIANS) : 1
    } else {
      // An area beyond a pole has all longitudes; then the sine is above 1.
      sine = angle < Math.PI / 2 ? Math.sin(angle) / this.#latitudeCosine : 1
    }
    if (!(sine < SINE_MAX)) return Number.POSITIVE_INFINITY
    return ((this.isBox ? 2 : 1) * Math.asin(sine)) / RADIANS
  }

  /**
   * Returns which parts of a cell, in the order of scores, may hold places within the area, one bit
   * each. About a seventh of the nine cells of a search is within the area. Testing these bits
   * skips most of the rest.
   */
  partsWithin({ x, y, step }: Cell): number {
    // Cells one past the last column or row, and cells too small to be divided into parts.
    if (step + 2 > STEP_MAX || x >= 2 ** step || y >= 2 ** step) return ALL_PARTS
    const count = 4 * 2 ** step
    const lowRow = Math.floor(((this.#southernmost + LATITUDE_MAX) / (2 * LATITUDE_MAX)) * count)
    const highRow = Math.floor(((this.#northernmost + LATITUDE_MAX) / (2 * LATITUDE_MAX)) * count)
    let rows = 0
    for (let i = 0; i < 4; i++) if (4 * y + i >= lowRow && 4 * y + i <= highRow) rows |= itemAt(ROW_PARTS, i)
    const reach = this.#longitudeReach
    // An area with half of all longitudes gains little.
    if (reach > 90) return rows
    const west = Math.floor(((this.longitude - reach + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)) * count)
    const east = Math.floor(((this.longitude + reach + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)) * count)
    let columns = 0
    // Beyond the western edge of the map the area continues in the east.
    for (let i = 0; i < 4; i++)
      if (((4 * x + i - west) & (count - 1)) <= east - west) columns |= itemAt(COLUMN_PARTS, i)
    return rows & columns
  }

  /**
   * Sets `distances` to the distances of the places of `scores` from the centre, from index `start`
   * up to `end`; -1 = outside. 0 ≤ score < 2^54.
   */
  measure(scores: Float64Array, distances: Float64Array, start: number, end: number): void {
    const southernmost = this.#southernmost
    const northernmost = this.#northernmost
    const haversineMax = this.#haversineMax
    for (let i = start; i < end; i++) {
      const score = numberAt(scores, i)
      distances[i] = -1
      const latitude = latitudeOfRow(rowOfScore(score))
      if (latitude < southernmost || latitude > northernmost) continue
      const longitude = longitudeOfColumn(columnOfScore(score))
      if (this.isBox) {
        distances[i] = this.#distanceInBox(longitude, latitude)
        continue
      }
      const v = Math.sin((longitude * RADIANS - this.#longitudeRadians) / 2)
      let distance: number
      if (v === 0) {
        distance = latitudeDistance(this.latitude, latitude)
      } else {
        const radians = latitude * RADIANS
        const u = Math.sin((radians - this.#latitudeRadians) / 2)
        const haversine = u * u + this.#latitudeCosine * Math.cos(radians) * v * v
        // The arc sine is computed only for places within the area, or nearly so.
        if (haversine > haversineMax) continue
        distance = 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(haversine))
      }
      if (distance <= this.radius) distances[i] = distance
    }
  }

  #distanceInBox(longitude: number, latitude: number): number {
    if (latitudeDistance(latitude, this.latitude) > this.height / 2) return -1
    if (distanceBetween(longitude, latitude, this.longitude, latitude) > this.width / 2) return -1
    return distanceBetween(this.longitude, this.latitude, longitude, latitude)
  }
}

/** Returns the distance of two places in metres. */
export function distanceBetween(longitude1: number, latitude1: number, longitude2: number, latitude2: number): number {
  const v = Math.sin((longitude2 * RADIANS - longitude1 * RADIANS) / 2)
  if (v === 0) return latitudeDistance(latitude1, latitude2)
  const radians1 = latitude1 * RADIANS
  const radians2 = latitude2 * RADIANS
  const u = Math.sin((radians2 - radians1) / 2)
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(u * u + Math.cos(radians1) * Math.cos(radians2) * v * v))
}

function latitudeDistance(latitude1: number, latitude2: number): number {
  return EARTH_RADIUS_M * Math.abs(latitude2 * RADIANS - latitude1 * RADIANS)
}

/**
 * Returns the cells to look through for an area, in Redis's order: the centre, N, S, E, W, NE, NW,
 * SE, SW.
 */
export function cellsOf(area: Area): Cell[] {
  const { longitude, latitude } = area
  const reach = area.isBox
    ? Math.sqrt((area.width / 2) * (area.width / 2) + (area.height / 2) * (area.height / 2))
    : area.radius
  const bounds = boundsOf(area)
  let step = stepFor(reach, latitude)
  let center = cellOf(longitude, latitude, step)
  // Near an edge of its cell an area may reach beyond the neighbours.
  const tooSmall =
    northEdge(neighbor(center, 0, 1)) < bounds.north ||
    southEdge(neighbor(center, 0, -1)) > bounds.south ||
    eastEdge(neighbor(center, 1, 0)) < bounds.east ||
    westEdge(neighbor(center, -1, 0)) > bounds.west
  if (step > 1 && tooSmall) center = cellOf(longitude, latitude, --step)

  const cells = [center]
  const choosy = step >= 2
  const skipSouth = choosy && southEdge(center) < bounds.south
  const skipNorth = choosy && northEdge(center) > bounds.north
  const skipWest = choosy && westEdge(center) < bounds.west
  const skipEast = choosy && eastEdge(center) > bounds.east
  let last: Cell | undefined
  for (const [x, y] of DIRECTIONS) {
    if ((y > 0 && skipNorth) || (y < 0 && skipSouth) || (x > 0 && skipEast) || (x < 0 && skipWest)) continue
    const cell = neighbor(center, x, y)
    // Where cells are large, two neighbours may be the same cell. Redis compares with the previous
    // one only, and never with the centre.
    if (last !== undefined && cell.x === last.x && cell.y === last.y) continue
    cells.push(cell)
    last = cell
  }
  return cells
}

const DIRECTIONS = [
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, 1],
  [1, -1],
  [-1, -1],
] as const

/** Returns the cell next to another. Beyond an edge of the map is its opposite edge. */
function neighbor({ x, y, step }: Cell, dx: number, dy: number): Cell {
  const mask = 2 ** step - 1
  return { x: dx === 0 ? x : (x + dx) & mask, y: dy === 0 ? y : (y + dy) & mask, step }
}

/** Returns the smallest cells of which nine cover `reach` metres around a place. */
function stepFor(reach: number, latitude: number): number {
  if (reach === 0) return STEP_MAX
  let step = 1
  for (let range = reach; range < MERCATOR_MAX_M; range *= 2) step++
  step -= 2
  // Towards the poles a degree of longitude is shorter than the map shows.
  if (Math.abs(latitude) > 66) step--
  if (Math.abs(latitude) > 80) step--
  return Math.min(STEP_MAX, Math.max(1, step))
}

/** Returns the degrees between which an area lies. */
function boundsOf(area: Area): { west: number; east: number; south: number; north: number } {
  const { longitude, latitude } = area
  const height = area.isBox ? area.height / 2 : area.radius
  const width = area.isBox ? area.width / 2 : area.radius
  const latitudeDelta = height / EARTH_RADIUS_M / RADIANS
  // The side nearer to the pole spans more degrees.
  const side = latitude < 0 ? latitude - latitudeDelta : latitude + latitudeDelta
  const longitudeDelta = width / EARTH_RADIUS_M / Math.cos(side * RADIANS) / RADIANS
  return {
    west: longitude - longitudeDelta,
    east: longitude + longitudeDelta,
    south: latitude - latitudeDelta,
    north: latitude + latitudeDelta,
  }
}
