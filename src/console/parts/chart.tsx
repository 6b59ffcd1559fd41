// A small chart of the last hour: a name, the value of now, and a line.
//
// uPlot draws on a canvas, so a chart costs the page two elements. All charts of a page share their
// cursor: it tells what each figure was at one moment. A reader of the screen hears a sentence.

import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { clock } from '../data/format.ts'

export interface Series {
  readonly label: string
  readonly values: readonly (number | null)[]
}

interface Props {
  readonly title: string
  readonly series: readonly Series[]
  /** Unix milliseconds. */
  readonly times: readonly number[]
  readonly format: (value: number | null | undefined) => string
  /** Explains the figure. */
  readonly hint?: string
}

const HEIGHT_PX = 76
const SPAN_S = 3600
const DARK = matchMedia('(prefers-color-scheme: dark)')

export function Chart({ title, series, times, format, hint }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const [at, setAt] = useState<number | null>(null)
  const [scheme, setScheme] = useState(DARK.matches)
  const data = [times.map((time) => time / 1000), ...series.map(({ values }) => values)] as unknown as uPlot.AlignedData
  const latest = useRef(data)
  latest.current = data
  const drawn = useRef<readonly number[]>(times)
  const hasFigures = times.length > 0

  useEffect(() => {
    const change = (): void => setScheme(DARK.matches)
    DARK.addEventListener('change', change)
    return () => DARK.removeEventListener('change', change)
  }, [])

  useEffect(() => {
    const element = place.current
    // The first figures come soon: a plot without any would be drawn for nothing.
    if (element === null || !hasFigures) return
    const made = new uPlot(optionsOf(element.clientWidth, series, setAt), latest.current, element)
    plot.current = made
    drawn.current = times
    const observer = new ResizeObserver(() => {
      if (element.clientWidth !== made.width) made.setSize({ width: element.clientWidth, height: HEIGHT_PX })
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [scheme, series.length, hasFigures])

  useEffect(() => {
    // A plot that was made now has them.
    if (plot.current !== null && drawn.current !== times) plot.current.setData(data)
    drawn.current = times
  }, [times, series])

  const shown = at ?? times.length - 1
  const values = series.map(({ values }) => values[shown])
  const top = Math.max(...series.flatMap(({ values }) => values.map((value) => value ?? 0)), 0)
  const spoken = series.map(({ label, values }) => `${label} ${format(values.at(-1))}`).join(', ')
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title" title={hint}>
          {title}
        </span>
        <span class="chart-top">{at === null ? (top > 0 ? `max ${format(top)}` : '') : clock(times[at] ?? 0)}</span>
        <span class="chart-values">
          {series.map(({ label }, i) => (
            <span key={label} class={i === 0 ? 'first' : 'second'}>
              {series.length > 1 && <span class="chart-label">{label} </span>}
              {format(values[i])}
            </span>
          ))}
        </span>
      </figcaption>
      <div
        ref={place}
        class="plot"
        role="img"
        aria-label={`${title} in the last hour. Now: ${spoken}. Highest: ${format(top)}.`}
      />
    </figure>
  )
}

/** The hour until the last figure; until now where there is none. */
function spanOf(last: number | null): [number, number] {
  const end = last || Date.now() / 1000
  return [end - SPAN_S, end]
}

const NEAR_S = 180

const isNearEnd = (second: number, scale: uPlot.Scale | undefined): boolean =>
  second - (scale?.min ?? 0) < NEAR_S || (scale?.max ?? second) - second < NEAR_S

function optionsOf(width: number, series: readonly Series[], setAt: (index: number | null) => void): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const color = (name: string): string => style.getPropertyValue(name).trim()
  const strokes = [color('--accent'), color('--second')]
  return {
    width,
    height: HEIGHT_PX,
    padding: [6, 0, 2, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 5 },
      drag: { setScale: false },
      sync: { key: 'overview' },
    },
    scales: {
      x: { range: (_, _min, max) => spanOf(max) },
      y: { range: (_, _min, max) => [0, Math.max((max ?? 0) * 1.1, 1e-9)] },
    },
    axes: [
      {
        size: 18,
        font: `11px ${style.fontFamily}`,
        stroke: color('--quiet'),
        grid: { stroke: color('--line'), width: 1 },
        ticks: { show: false },
        gap: 4,
        space: 70,
        // A label near an end would be cut.
        values: ({ scales }, splits) =>
          splits.map((second) => (isNearEnd(second, scales.x) ? '' : clock(second * 1000).slice(0, 5))),
      },
      { show: false },
    ],
    series: [
      {},
      ...series.map(({ label }, i) => ({
        label,
        stroke: strokes[i] ?? strokes[0]!,
        width: 1.25,
        ...(i === 0 ? { fill: `${strokes[0]}1f` } : {}),
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [({ cursor }) => setAt(cursor.idx ?? null)] },
  }
}
