// A chart of values as lines of text, drawn as Redis draws it: one column a value, its label
// written downwards beneath it.
//
//     #
//     |
//   o |
//   |_|
//
//   321
//   sss

/** The characters of the steps within a line, from the lowest to the highest. */
const STEPS = '_o#'
/** The character beneath a step. */
const FILL = '|'

export interface LabelledValue {
  readonly value: number
  readonly label: string
}

/** Draws the values in charts of a fixed number of columns; each chart is `lines` lines high. */
export function sparkline(values: readonly LabelledValue[], columns: number, lines: number): string {
  const all = values.map(({ value }) => value)
  const min = Math.min(...all)
  // If all values are equal, each counts as the lowest.
  const range = Math.max(...all) - min || 1
  let text = ''
  for (let from = 0; from < values.length; from += columns) {
    if (from > 0) text += '\n'
    text += chart(values.slice(from, from + columns), min, range, lines)
  }
  return text
}

function chart(values: readonly LabelledValue[], min: number, range: number, lines: number): string {
  const steps = STEPS.length * lines
  let text = ''
  for (let line = lines - 1; line >= 0; line--) {
    const base = line * STEPS.length
    for (const { value } of values) {
      const step = Math.min(Math.trunc(((value - min) * steps) / range), steps - 1)
      text += step < base ? ' ' : (STEPS[step - base] ?? FILL)
    }
    text += '\n'
  }
  text += `${' '.repeat(values.length)}\n`
  const labelLines = Math.max(...values.map(({ label }) => label.length))
  for (let line = 0; line < labelLines; line++) {
    for (const { label } of values) text += label[line] ?? ' '
    text += '\n'
  }
  return text
}
