// LATENCY GRAPH: the slow events of a kind as a chart of text.

import type { LatencySeries } from '../../engine/figures/latency-monitor.ts'
import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'
import { latencyReport } from './latency-spec.ts'
import { sparkline } from './sparkline.ts'

const COLUMNS = 80
const LINES = 4

export const latencyGraph = defineCommand({
  ...latencyReport,
  name: 'LATENCY GRAPH',
  summary: 'Draws the slow events of a kind.',
  arity: 3,
  args: [{ name: 'event', type: 'string' }],
  reply: 'verbatim string: the chart',
  run(call) {
    const event = call.args.string(2)
    const series = call.engine.figures.latency.seriesOf(event)
    if (series === undefined) throw ERR.of(`No samples available for event '${event}'`)
    call.reply.verbatim(graph(event, series, Math.floor(call.now() / 1000)))
  },
})

function graph(event: string, { max, samples }: LatencySeries, nowSeconds: number): string {
  const all = samples.map(({ milliseconds }) => milliseconds)
  const head = `${event} - high ${Math.max(...all)} ms, low ${Math.min(...all)} ms (all time high ${max} ms)`
  const values = samples.map(({ milliseconds, seconds }) => ({
    value: milliseconds,
    label: ago(nowSeconds - seconds),
  }))
  return `${head}\n${'-'.repeat(COLUMNS)}\n${sparkline(values, COLUMNS, LINES)}`
}

function ago(seconds: number): string {
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}
