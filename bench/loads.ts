// Loads of redis-benchmark, and what a request of them costs the server.

import { rounds } from './pairs.ts'
import { besideBest, type Found, judged, perSecond, type Row, type Scale, tell } from './question.ts'
import type { Load } from './redis-benchmark.ts'
import { processorSeconds } from './servers.ts'

export interface CostedLoad extends Load {
  /** Processor time of the server a request. */
  microseconds: number
}

/** Puts a load of so many requests on a server, and adds what it costs there. */
export async function costed(pid: number, count: number, put: () => Promise<Load>): Promise<CostedLoad> {
  const before = processorSeconds(pid)
  const load = await put()
  return { ...load, microseconds: ((processorSeconds(pid) - before) * 1e6) / count }
}

export const microseconds = (value: number): string => `${value.toFixed(2)} µs`

/**
 * A load for several servers in turns. Ours is named first, and the others are compared with the
 * last.
 */
export interface Comparison<Name extends string> {
  readonly what: string
  readonly names: readonly [Name, Name]
  /** Requests of the short run that finds how many the others take. */
  readonly calibration: number
  /** Requests a second, of the rival's, that are wanted at least; undefined: there is no target. */
  readonly least: number | undefined
  run(name: Name, count: number): Promise<CostedLoad>
}

/** Returns a row for requests a second, and one for what a request costs. */
export async function compareLoads<Name extends string>(comparison: Comparison<Name>, scale: Scale): Promise<Row[]> {
  const { what, names, least, run } = comparison
  const [, rival] = names
  const calibration = scale.quick ? 1000 : comparison.calibration
  for (const name of names) await run(name, calibration)
  const count = Math.max(1000, Math.round((await run(rival, calibration)).perSecond * scale.seconds))
  const loads = await rounds(names, (name) => run(name, count))
  const found = (of: 'perSecond' | 'microseconds'): Found<Name> =>
    new Map(names.map((name) => [name, loads.get(name)!.map((load) => load[of])]))
  const speed = found('perSecond')
  const row = besideBest(what, speed, 'more', perSecond)
  const rows = [
    least === undefined ? row : judged(row, speed, rival, least),
    besideBest(`${what}: server time a request`, found('microseconds'), 'less', microseconds),
  ]
  rows.forEach(tell)
  return rows
}
