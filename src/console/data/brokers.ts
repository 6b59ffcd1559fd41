// All brokers that the broker behind the page knows, with the figures of each.
//
// Each answer has the points that came since the last one; the page keeps those of five minutes.

import { useRef } from 'preact/hooks'
import { get, Refusal } from './api.ts'
import type { Alert } from './overview.ts'
import { type Loaded, useLoad } from './use-load.ts'

export type Point = readonly (number | null)[]

export interface Broker {
  readonly name: string
  readonly url: string | null
  readonly address: string | null
  readonly shard: string | null
  readonly kind: 'self' | 'member' | 'named'
  readonly self: boolean
  readonly role: string
  readonly state: string | null
  readonly epoch: number | null
  readonly behind: number | null
  readonly behindUnit: 'records' | 'bytes'
  readonly lagMs: number | null
  readonly leaseMs: number | null
  readonly slots: readonly (readonly [number, number])[]
  readonly startedAt: number | null
  readonly reachable: boolean | null
  readonly since: number | null
  readonly reason: string | null
  readonly figures: Readonly<Record<string, number | null>> | null
  readonly alerts: readonly Alert[]
  readonly points: readonly Point[]
}

export interface Brokers {
  /** By the clock of the broker behind the page. */
  readonly now: number
  readonly pointColumns: readonly string[]
  readonly brokers: readonly Broker[]
}

export const TRACE_MS = 300_000
/** A time behind all points, in milliseconds. */
const NEVER = 1e14

export const keyOf = ({ kind, name, address }: Broker): string => `${kind} ${name} ${address ?? ''}`

/** The last answer, with all points of five minutes. */
export function useBrokers(): Loaded<Brokers> {
  const kept = useRef({ since: 0, points: new Map<string, readonly Point[]>() })
  const load = async (signal: AbortSignal): Promise<Brokers> => {
    const answer = await get<Brokers>('brokers', { since: kept.current.since }, signal)
    const points = new Map<string, readonly Point[]>()
    for (const broker of answer.brokers) {
      const key = keyOf(broker)
      const before = kept.current.points.get(key) ?? []
      const last = before.at(-1)?.[0] ?? 0
      const all = [...before, ...broker.points.filter(([at]) => (at ?? 0) > last)]
      points.set(
        key,
        all.filter(([at]) => (at ?? 0) > answer.now - TRACE_MS),
      )
    }
    kept.current = { since: answer.now, points }
    return { ...answer, brokers: answer.brokers.map((each) => ({ ...each, points: points.get(keyOf(each)) ?? [] })) }
  }
  return useLoad('brokers', load, 1000)
}

/** The same once and without points. The console of another server knows no brokers. */
export async function brokersOf(signal: AbortSignal): Promise<readonly Broker[]> {
  try {
    const { brokers } = await get<Brokers>('brokers', { since: NEVER }, signal)
    return brokers
  } catch (error) {
    if (error instanceof Refusal && (error.status === 501 || error.status === 404)) return []
    throw error
  }
}
