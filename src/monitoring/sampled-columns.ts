// The figures of one moment, as a row: a number for each of these names, null where none is known.

/** The names, in the order of a row. Names ending in `Ms` are durations in milliseconds. */
export const COLUMNS = [
  'time',
  'commands',
  'messagesIn',
  'messagesOut',
  'jobs',
  'clients',
  'memory',
  'memoryRss',
  'journalBytes',
  'fsyncMs',
  'loopDelayMs',
  'cpu',
  'inBytes',
  'outBytes',
  'backlogJobs',
  'backlogReaders',
  'unsyncedBytes',
  'errors',
  'keys',
] as const

export type Column = (typeof COLUMNS)[number]

export type Row = readonly (number | null)[]

/** The figures of one moment by name. `time` is Unix milliseconds. */
export type Sample = Readonly<Record<Column, number | null>>

export function rowOf(sample: Sample): Row {
  return COLUMNS.map((name) => sample[name])
}

/**
 * Joins rows to one of a longer time: the greatest of durations, the last time, averages of all
 * others.
 */
export function joined(rows: readonly Row[]): Row {
  return COLUMNS.map((name, i) => {
    const known = rows.map((row) => row[i]).filter((value) => typeof value === 'number')
    if (known.length === 0) return null
    if (name === 'time' || name.endsWith('Ms')) return Math.max(...known)
    return rounded(known.reduce((sum, value) => sum + value, 0) / known.length)
  })
}

/** A number with at most two digits behind the point. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
