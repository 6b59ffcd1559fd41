// A length of time as people write it: `30s`, `15m`, `24h`, `7d`.

import { itemAt } from '../array-reads.ts'
import { OptionError } from '../option-error.ts'

/** A length of time: milliseconds, or text such as `30s`, `15m`, `24h`, `7d`. */
export type Duration = number | string

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** Returns milliseconds; undefined for a text that is not a duration. */
export function durationMs(text: string): number | undefined {
  const match = /^([1-9][0-9]{0,9})(ms|s|m|h|d|w)$/.exec(text)
  return match === null ? undefined : Number(match[1]) * UNIT_MS[itemAt(match, 2)]!
}

/** Returns a whole number of milliseconds in the largest unit that divides it. */
export function durationText(ms: number): string {
  const units = Object.entries(UNIT_MS).reverse()
  const [unit, unitMs] = units.find(([, unitMs]) => ms % unitMs === 0)!
  return `${ms / unitMs}${unit}`
}

/**
 * Returns a duration that a program has given, in milliseconds. Throws OptionError, which contains
 * `name`.
 */
export function durationOf(duration: Duration, name: string): number {
  const ms = typeof duration === 'string' ? durationMs(duration) : duration
  if (ms === undefined || !Number.isFinite(ms) || ms < 0)
    throw new OptionError(`${name}: milliseconds, or text such as 30s, 15m, 24h or 7d`)
  return ms
}
