// LATENCY LATEST, HISTORY, RESET: the last slow event of each kind, all slow events of a kind, and
// forgetting them.

import type { LatencyEvent } from '../../engine/figures/latency-monitor.ts'
import { defineCommand } from '../define-command.ts'
import { latencyReport } from './latency-spec.ts'

export const latencyLatest = defineCommand({
  ...latencyReport,
  name: 'LATENCY LATEST',
  summary: 'Returns the latest slow event of each kind.',
  arity: 2,
  reply: 'array: an array for each kind of event: its name, Unix time, milliseconds, the most milliseconds ever',
  run(call) {
    const { events } = call.engine.figures.latency
    call.reply.array(events.size)
    for (const [event, { max, samples }] of events) {
      const last = samples.at(-1)!
      call.reply.array(4)
      call.reply.text(event)
      call.reply.integer(last.seconds)
      call.reply.integer(last.milliseconds)
      call.reply.integer(max)
    }
  },
})

export const latencyHistory = defineCommand({
  ...latencyReport,
  name: 'LATENCY HISTORY',
  summary: 'Returns the slow events of a kind.',
  arity: 3,
  args: [{ name: 'event', type: 'string' }],
  reply: 'array: an array for each second with such an event: Unix time, milliseconds of the slowest',
  run(call) {
    const samples = call.engine.figures.latency.seriesOf(call.args.string(2))?.samples ?? []
    call.reply.array(samples.length)
    for (const { seconds, milliseconds } of samples) {
      call.reply.array(2)
      call.reply.integer(seconds)
      call.reply.integer(milliseconds)
    }
  },
})

export const latencyReset = defineCommand({
  ...latencyReport,
  name: 'LATENCY RESET',
  summary: 'Forgets the slow events of some kinds, or all.',
  arity: -2,
  tips: ['request_policy:all_nodes', 'response_policy:agg_sum'],
  args: [{ name: 'event', type: 'string', optional: true, multiple: true }],
  reply: 'integer: kinds of events that were forgotten',
  run(call) {
    const { args } = call
    const { events } = call.engine.figures.latency
    const before = events.size
    if (args.length === 2) events.clear()
    for (let i = 2; i < args.length; i++) events.delete(args.string(i) as LatencyEvent)
    call.reply.integer(before - events.size)
  },
})
