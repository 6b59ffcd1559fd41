// A question, and its answer as it is kept: rows of figures, each against its target.

import { median } from './pairs.ts'

export interface Row {
  what: string
  respite: string
  /**
   * The figure of redis-server; in an answer that names several rivals: those of each, in that
   * order.
   */
  redis: string | readonly string[]
  /** The figure that is compared with the target, in words. */
  figure: string
  target: string
  /** undefined: there is no target, the figure is for the reader. */
  met: boolean | undefined
}

export interface Answer {
  title: string
  /** The rivals in the columns behind ours; undefined: redis-server alone. */
  rivals?: readonly string[]
  /** Commands that were typed, for a reader who repeats it by hand. */
  commandLines: string[]
  rows: Row[]
  notes: string[]
}

export interface Question {
  name: string
  /** Measures; several answers are several tables of the page. */
  ask(scale: Scale): Promise<Answer | readonly Answer[]>
}

/** How large a run is: the real one, or a tiny one that only shows that the bench works. */
export interface Scale {
  quick: boolean
  /** How long one measurement takes. */
  seconds: number
  keys: number
  /** How often a leader is killed. */
  takeovers: number
}

export const REAL: Scale = { quick: false, seconds: 1.5, keys: 1_000_000, takeovers: 25 }
export const QUICK: Scale = { quick: true, seconds: 0.05, keys: 5000, takeovers: 1 }

const TAKEOVERS = '--takeovers='

/** A row for a ratio that should be at least `least`. */
export function atLeast(what: string, ratio: number, least: number, respite: string, redis: string): Row {
  return {
    what,
    respite,
    redis,
    figure: `${ratio.toFixed(2)} ×`,
    target: `≥ ${least.toFixed(2)} ×`,
    met: ratio >= least,
  }
}

/** A row for a ratio that should be at most `most`. */
export function atMost(what: string, ratio: number, most: number, respite: string, redis: string): Row {
  return { what, respite, redis, figure: `${ratio.toFixed(2)} ×`, target: `≤ ${most.toFixed(2)} ×`, met: ratio <= most }
}

/** The entry of a rival that has nothing to measure. */
export const NOTHING = '–'

/** The figures of each, round by round; ours first. A rival without figures could not be asked. */
export type Found<Name extends string> = ReadonlyMap<Name, readonly number[]>

/**
 * A row for several rivals: the figure is the ratio of ours to the best of theirs, whom it names.
 * There is no target. Where `better` is `less`, as with milliseconds and bytes, a ratio below one
 * is a good one.
 */
export function besideBest<Name extends string>(
  what: string,
  found: Found<Name>,
  better: 'more' | 'less',
  show: (value: number) => string,
): Row {
  const [[, ours], ...others] = [...found]
  const shown = (values: readonly number[]): string => (values.length === 0 ? NOTHING : show(median(values)))
  const asked = others.filter(([, values]) => values.length > 0)
  const sign = better === 'more' ? -1 : 1
  const best = asked.sort(([, a], [, b]) => sign * (median(a) - median(b)))[0]
  const figure = (): string => {
    if (best === undefined || ours!.length === 0) return ''
    return `${median(ours!.map((value, round) => value / best[1][round]!)).toFixed(2)} × ${best[0]}`
  }
  return {
    what,
    respite: shown(ours!),
    redis: others.map(([, values]) => shown(values)),
    figure: figure(),
    target: '',
    met: undefined,
  }
}

/** The row with a target beside one of the rivals: at least `least` times as much. */
export function judged<Name extends string>(row: Row, found: Found<Name>, rival: Name, least: number): Row {
  const [[, ours]] = [...found]
  const theirs = found.get(rival)!
  const ratio = median(ours!.map((value, round) => value / theirs[round]!))
  return { ...row, figure: `${ratio.toFixed(2)} × ${rival}`, target: `≥ ${least.toFixed(2)} ×`, met: ratio >= least }
}

/** Says on the console what a row says on the page. */
export function tell({ what, respite, redis, figure }: Row): void {
  console.log(`  ${what}: ${respite} : ${[redis].flat().join(' : ')} = ${figure}`)
}

/** A row for a figure of our own that should be at most `most`. */
export function bounded(what: string, value: number, most: number, unit: string, redis: string): Row {
  const shown = `${value.toFixed(1)} ${unit}`
  return { what, respite: shown, redis, figure: shown, target: `≤ ${most} ${unit}`, met: value <= most }
}

export function perSecond(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M/s`
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} k/s`
  return `${value.toFixed(0)} /s`
}

/** The number in `--takeovers=NUMBER`; undefined where it is not given. Throws when it is none. */
export function takeoversIn(words: readonly string[]): number | undefined {
  const given = words.find((word) => word.startsWith(TAKEOVERS))?.slice(TAKEOVERS.length)
  if (given === undefined) return undefined
  if (!/^[1-9][0-9]{0,5}$/.test(given)) throw new Error(`${TAKEOVERS}${given}: a number of takeovers is wanted`)
  return Number(given)
}
