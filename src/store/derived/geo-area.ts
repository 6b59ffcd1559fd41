// Areas to search for places: circles, and boxes aligned with the compass.
//
// Distances are along great circles of a sphere (the haversine formula). An area
// is searched cell by cell: the cell of its centre, as large as the area roughly
// is, and the eight around it, in an order that shows in unsorted replies.

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

/** How many parts a cell is looked at in: four columns in four rows. */
export const CELL_PARTS = 16
const ALL_PARTS = 2 ** CELL_PARTS - 1
/** Bits of the parts of a cell's columns, from the west, and rows, from the south: part n is the n-th in the order of scores. */
const COLUMN_PARTS = [0x0033, 0x00cc, 0x3300, 0xcc00] as const
const ROW_PARTS = [0x0505, 0x0a0a, 0x5050, 0xa0a0] as const

/** The rounding of sines and cosines is far below this, and below a millimetre. */
const ROUNDING = 1 + 1e-9
const ROUNDING_M = 1e-3
/** Near its end an arc sine turns what was rounded away into metres: nobody is told to be outside by a sine from here on. */
const SINE_MAX = 0.999

/** A circle, or a box when it is one, around its own place. All in metres. */
export class Area implements Place {
  longitude = 0
  latitude = 0
  radius = 0
  width = 0
  height = 0
  isBox = false
  // What is the same for all places that are looked at: see `prepare`.
  #longitudeRadians = 0
  #latitudeRadians = 0
  #latitudeCosine = 0
  #southernmost = 0
  #northernmost = 0
  /** How many degrees it reaches to the west and the east; Infinity = around the earth. */
  #longitudeReach = 0
  #haversineMax = 0

  /** To be called when the area is complete, before `measure` and `partsWithin`. */
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

  /** Returns how many degrees of longitude to either side the area has, which reaches `angle` to the north and south; never too few. */
  #longitudesWithin(angle: number): number {
    let sine: number
    if (this.isBox) {
      // As wide in metres everywhere, it has most degrees where it is nearest to a pole.
      const latitude = Math.max(-this.#southernmost, this.#northernmost)
      if (latitude >= 90) return Number.POSITIVE_INFINITY
      const half = ((this.width / 2) * ROUNDING + ROUNDING_M) / EARTH_RADIUS_M / 2
      sine = half < Math.PI / 2 ? Math.sin(half) / Math.cos(latitude * RADIANS) : 1
    } else {
      // Beyond a pole it has all longitudes, and the sine is above 1.
      sine = angle < Math.PI / 2 ? Math.sin(angle) / this.#latitudeCosine : 1
    }
    if (!(sine < SINE_MAX)) return Number.POSITIVE_INFINITY
    return ((this.isBox ? 2 : 1) * Math.asin(sine)) / RADIANS
  }

  /**
   * Returns which of the parts of a cell, in the order of scores, may hold places within the area, a bit each. Of the nine cells of
   * a search a seventh is within the area: most of what lies outside is passed over for the price of a look at these bits.
   */
  partsWithin({ x, y, step }: Cell): number {
    // One past the last column and row, and cells of less than a part for each place.
    if (step + 2 > STEP_MAX || x >= 2 ** step || y >= 2 ** step) return ALL_PARTS
    const count = 4 * 2 ** step
    const lowRow = Math.floor(((this.#southernmost + LATITUDE_MAX) / (2 * LATITUDE_MAX)) * count)
    const highRow = Math.floor(((this.#northernmost + LATITUDE_MAX) / (2 * LATITUDE_MAX)) * count)
    let rows = 0
    for (let i = 0; i < 4; i++) if (4 * y + i >= lowRow && 4 * y + i <= highRow) rows |= ROW_PARTS[i]!
    const reach = this.#longitudeReach
    // Little is gained from an area that has half of all longitudes.
    if (reach > 90) return rows
    const west = Math.floor(((this.longitude - reach + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)) * count)
    const east = Math.floor(((this.longitude + reach + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)) * count)
    let columns = 0
    // The part that reaches beyond the west goes on in the east.
    for (let i = 0; i < 4; i++) if (((4 * x + i - west) & (count - 1)) <= east - west) columns |= COLUMN_PARTS[i]!
    return rows & columns
  }

  /** Sets `distances` to how far the places that `scores` mean are from the centre, from `start` up to `end`; -1 = outside. 0 ≤ score < 2^54. */
  measure(scores: Float64Array, distances: Float64Array, start: number, end: number): void {
    const southernmost = this.#southernmost
    const northernmost = this.#northernmost
    const haversineMax = this.#haversineMax
    for (let i = start; i < end; i++) {
      const score = scores[i]!
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
        // An arc sine is for those that are within, or nearly so.
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

/** Returns the cells to look through for an area, in Redis's order: the centre, N, S, E, W, NE, NW, SE, SW. */
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
    // Where cells are large two neighbours may be one. Redis compares with the last one looked at, the centre excepted.
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

/** Returns the cell next to another; the map has no edges. */
function neighbor({ x, y, step }: Cell, dx: number, dy: number): Cell {
  const mask = 2 ** step - 1
  return { x: dx === 0 ? x : (x + dx) & mask, y: dy === 0 ? y : (y + dy) & mask, step }
}

/** Returns how small cells may be so that nine of them cover `reach` metres around a place. */
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
