// A line of the last minutes that fits into a row of a table. A reader of the screen hears a
// sentence.

interface Props {
  /** Unix milliseconds, rising. */
  readonly times: readonly number[]
  readonly values: readonly (number | null)[]
  /** The time at the right end. */
  readonly end: number
  readonly spanMs: number
  /** The value at the upper edge: that of all lines of a column, so they can be compared. */
  readonly top: number
  readonly label: string
}

const WIDTH = 300
const HEIGHT = 24
/** Over a longer silence no line is drawn. */
const GAP_MS = 25_000

export function Spark({ times, values, end, spanMs, top, label }: Props) {
  let path = ''
  let last = Number.NEGATIVE_INFINITY
  for (const [i, time] of times.entries()) {
    const value = values[i]
    if (value === null || value === undefined) continue
    const x = WIDTH * (1 - (end - time) / spanMs)
    const y = HEIGHT - 1 - (HEIGHT - 2) * (top === 0 ? 0 : value / top)
    path += `${time - last > GAP_MS ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`
    last = time
  }
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path d={path} vector-effect="non-scaling-stroke" />
    </svg>
  )
}
