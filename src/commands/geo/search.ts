// The search behind GEOSEARCH and GEORADIUS in all their forms.
//
// Forms differ in where the centre and the size of the area stand among the
// arguments and in where results go; the options are the same, and the order in
// which mistakes are found is Redis's.

import type { Options } from '../../engine/requests/options.ts'
import { ERR } from '../../protocol/errors.ts'
import { Area, CELL_PARTS, cellsOf } from '../../store/derived/geo-area.ts'
import { exactDistanceBetween } from '../../store/derived/geo-distance.ts'
import { type Cell, cellScores, cellStart, type Place, placeOfScore } from '../../store/derived/geohash.ts'
import { ScoreSpan } from '../../store/sorted-set/score-span.ts'
import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { numberAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { newSortedSet, readScore } from '../sorted-set/sorted-set-arguments.ts'
import { storeResult } from '../store-result.ts'
import { FoundPlaces } from './found-places.ts'
import { placeOfMember, readPlace, readUnit, replyDistance, replyPlace } from './place-arguments.ts'

export type Form = 'georadius' | 'georadiusbymember' | 'geosearch' | 'geosearchstore'

/** The parameters of a search: one object, filled again by each call. */
interface Query {
  area: Area
  /** Length in metres of the unit in which distances are given. */
  unit: number
  count: number
  any: boolean
  order: 'none' | 'asc' | 'desc'
  withDistance: boolean
  withHash: boolean
  withPlace: boolean
  /** Index of the destination's argument; 0 = the client gets the result. */
  storeAt: number
  storeDistance: boolean
}

const query: Query = {
  area: new Area(),
  unit: 1,
  count: 0,
  any: false,
  order: 'none',
  withDistance: false,
  withHash: false,
  withPlace: false,
  storeAt: 0,
  storeDistance: false,
}
const found = new FoundPlaces()
const run = new ScoreSpan()
const place: Place = { longitude: 0, latitude: 0 }
const member = new Bytes()

/** `mayStore` is false for the _RO forms. */
export function search(call: Call, form: Form, mayStore: boolean): void {
  const set = call.db.getForRead(call.key(form === 'geosearchstore' ? 2 : 1), SortedSet)
  readQuery(call, form, mayStore, set)
  if (set === undefined) {
    if (query.storeAt === 0) call.reply.array(0)
    else storeNothing(call)
    return
  }
  // The nearest members are known only when all are known; with ANY any members will do.
  if (query.count > 0 && query.order === 'none' && !query.any) query.order = 'asc'
  found.clear()
  collect(set)
  const count = query.count === 0 ? found.count : Math.min(query.count, found.count)
  if (query.order !== 'none') found.sort(query.order, count)
  if (query.storeAt === 0) reply(call, set, count)
  else store(call, form, set, count)
  found.clear()
}

// ── the question ────────────────────────────────────────────────────────────

function readQuery(call: Call, form: Form, mayStore: boolean, set: SortedSet | undefined): void {
  query.count = 0
  query.any = false
  query.order = 'none'
  query.withDistance = false
  query.withHash = false
  query.withPlace = false
  query.storeAt = form === 'geosearchstore' ? 1 : 0
  query.storeDistance = false
  query.area.isBox = false
  if (form === 'georadius') {
    readPlace(call, 2, query.area)
    readRadius(call, 4)
    readOptions(call, form, mayStore, set, 6)
  } else if (form === 'georadiusbymember') {
    // Without a set, the member and the radius are not read.
    if (set !== undefined) {
      placeOfMember(set, call.args.bytes(2), query.area)
      readRadius(call, 3)
    }
    readOptions(call, form, mayStore, set, 5)
  } else {
    readOptions(call, form, mayStore, set, form === 'geosearch' ? 2 : 3)
  }
}

function readOptions(call: Call, form: Form, mayStore: boolean, set: SortedSet | undefined, first: number): void {
  const { args } = call
  const searching = form === 'geosearch' || form === 'geosearchstore'
  let from: 'nowhere' | 'member' | 'place' = 'nowhere'
  let by: 'nothing' | 'radius' | 'box' = 'nothing'
  const options = call.options(first)
  while (options.next()) {
    const i = options.index
    if (options.is('WITHDIST')) query.withDistance = true
    else if (options.is('WITHHASH')) query.withHash = true
    else if (options.is('WITHCOORD')) query.withPlace = true
    else if (options.is('ANY')) query.any = true
    else if (options.is('ASC')) query.order = 'asc'
    else if (options.is('DESC')) query.order = 'desc'
    else if (options.is('COUNT') && options.has(1)) {
      query.count = readPositiveCount(call, i + 1)
      skip(options, 1)
    } else if (!searching && mayStore && (options.is('STORE') || options.is('STOREDIST')) && options.has(1)) {
      query.storeDistance = options.is('STOREDIST')
      query.storeAt = i + 1
      skip(options, 1)
    } else if (searching && options.is('FROMMEMBER') && options.has(1) && from !== 'place') {
      if (set !== undefined) placeOfMember(set, args.bytes(i + 1), query.area)
      from = 'member'
      skip(options, 1)
    } else if (searching && options.is('FROMLONLAT') && options.has(2) && from !== 'member') {
      readPlace(call, i + 1, query.area)
      from = 'place'
      skip(options, 2)
    } else if (searching && options.is('BYRADIUS') && options.has(2) && by !== 'box') {
      readRadius(call, i + 1)
      by = 'radius'
      skip(options, 2)
    } else if (searching && options.is('BYBOX') && options.has(3) && by !== 'radius') {
      readBox(call, i + 1)
      by = 'box'
      skip(options, 3)
    } else if (form === 'geosearchstore' && options.is('STOREDIST')) {
      query.storeDistance = true
    } else {
      throw ERR.syntax
    }
  }
  if (query.storeAt > 0 && (query.withDistance || query.withHash || query.withPlace)) {
    throw form === 'geosearchstore' ? ERR.geosearchstoreWith : ERR.georadiusStoreWith
  }
  if (searching && from === 'nowhere') throw ERR.geosearchFrom(args.string(0))
  if (searching && by === 'nothing') throw ERR.geosearchBy(args.string(0))
  if (query.any && query.count === 0) throw ERR.geoAny
}

function skip(options: Options, words: number): void {
  for (let i = 0; i < words; i++) options.next()
}

function readPositiveCount(call: Call, i: number): number {
  const count = call.args.integer(i)
  if (count <= 0) throw ERR.geoCount
  return Number(count)
}

function readRadius(call: Call, i: number): void {
  const radius = readScore(call, i, ERR.geoRadius)
  if (radius < 0) throw ERR.geoRadiusNegative
  query.unit = readUnit(call, i + 1)
  query.area.radius = radius * query.unit
  query.area.isBox = false
}

function readBox(call: Call, i: number): void {
  const width = readScore(call, i, ERR.geoWidth)
  const height = readScore(call, i + 1, ERR.geoHeight)
  if (width < 0 || height < 0) throw ERR.geoBoxNegative
  query.unit = readUnit(call, i + 2)
  query.area.width = width * query.unit
  query.area.height = height * query.unit
  query.area.isBox = true
}

// ── the answer ──────────────────────────────────────────────────────────────

function collect(set: SortedSet): void {
  query.area.prepare()
  for (const cell of cellsOf(query.area)) {
    if (enough()) break
    collectFrom(set, cell)
  }
  run.close()
}

function enough(): boolean {
  return query.any && found.count >= query.count
}

/** Adds the members of a cell that lie within the area. */
function collectFrom(set: SortedSet, cell: Cell): void {
  const parts = query.area.partsWithin(cell)
  if (parts === 0) return
  const start = cellStart(cell)
  const partScores = cellScores(cell.step) / CELL_PARTS
  const end = start + (32 - Math.clz32(parts)) * partScores
  let more = set.seekScore(start + lowestBit(parts) * partScores, run)
  while (more) {
    const known = found.count
    const last = found.addSome(run, start, 1 / partScores, end, parts)
    query.area.measure(found.scores, found.distances, known, found.count)
    found.keepMeasured(known, query.any ? query.count : Number.POSITIVE_INFINITY)
    if (last < 0 || enough()) return
    // Any number of members may lie between two relevant parts.
    const rest = parts & (-2 << last)
    if (((parts >>> last) & 1) === 1) more = set.nextRun(run)
    else if (rest === 0) return
    else more = set.seekScore(start + lowestBit(rest) * partScores, run)
  }
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}

function reply(call: Call, set: SortedSet, count: number): void {
  const { reply } = call
  const details = Number(query.withDistance) + Number(query.withHash) + Number(query.withPlace)
  reply.array(count)
  for (let i = 0; i < count; i++) {
    const n = found.at(i)
    if (details > 0) reply.array(1 + details)
    reply.bulk(set.memberOfHandle(numberAt(found.places, n), member))
    if (query.withDistance) replyDistance(reply, numberAt(found.distances, n) / query.unit)
    // A score set by ZADD may have a fraction.
    if (query.withHash) reply.integer(Math.floor(numberAt(found.scores, n)))
    if (query.withPlace) {
      placeOfScore(numberAt(found.scores, n), place)
      replyPlace(reply, place)
    }
  }
}

function store(call: Call, form: Form, set: SortedSet, count: number): void {
  const result = newSortedSet(call)
  try {
    for (let i = 0; i < count; i++) {
      const n = found.at(i)
      const score = query.storeDistance ? storedDistance(numberAt(found.scores, n)) : numberAt(found.scores, n)
      result.insert(set.memberOfHandle(numberAt(found.places, n), member), score)
    }
  } catch (error) {
    result.free()
    throw error
  }
  const event = form === 'geosearchstore' ? 'geosearchstore' : 'georadiusstore'
  storeResult(call, call.key(query.storeAt), result, event, count)
}

function storedDistance(score: number): number {
  placeOfScore(score, place)
  return exactDistanceBetween(query.area, place) / query.unit
}

function storeNothing(call: Call): void {
  const key = call.key(query.storeAt)
  if (call.db.delete(key)) call.changed(key, 'del')
  call.reply.integer(0)
}
