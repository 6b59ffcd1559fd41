// What a question is, and how its answer is kept: rows of figures, each against its target.

export interface Row {
  what: string
  respite: string
  redis: string
  /** What is compared with the target, in words. */
  figure: string
  target: string
  /** undefined: there is no target, the figure is for the reader. */
  met: boolean | undefined
}

export interface Answer {
  title: string
  /** Commands that were typed, for whoever wants to repeat it by hand. */
  commandLines: string[]
  rows: Row[]
  notes: string[]
}

export interface Question {
  name: string
  ask(scale: Scale): Promise<Answer>
}

/** How large a run is: the real one, or a tiny one that only shows that the bench works. */
export interface Scale {
  quick: boolean
  /** How long one measurement takes. */
  seconds: number
  keys: number
}

export const REAL: Scale = { quick: false, seconds: 1.5, keys: 1_000_000 }
export const QUICK: Scale = { quick: true, seconds: 0.05, keys: 5000 }

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
