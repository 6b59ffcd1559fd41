// LATENCY HISTOGRAM: the duration of commands, as numbers of calls that took at most 1 µs, 2 µs, 4
// µs and so on.

import type { Command } from '../../engine/spec/command.ts'
import type { LatencyHistogram } from '../../util/time/latency-histogram.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { latencyReport } from './latency-spec.ts'

export const latencyHistogram = defineCommand({
  ...latencyReport,
  name: 'LATENCY HISTOGRAM',
  summary: 'Returns how the times of commands are distributed.',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of commands with latency information being retrieved.',
  arity: -2,
  args: [{ name: 'command', type: 'string', optional: true, multiple: true }],
  reply:
    'map: for each command that was called a map of `calls` and `histogram_usec`, a map of microseconds and counts',
  run(call) {
    const {
      figures: { times },
    } = call.engine
    const found: [Command, LatencyHistogram][] = []
    for (const command of commandsIn(call)) {
      const latencies = times.latenciesOf(command)
      if (latencies !== undefined) found.push([command, latencies])
    }
    call.reply.map(found.length)
    for (const [command, latencies] of found) {
      call.reply.text(command.name)
      writeHistogram(call, latencies)
    }
  },
})

/**
 * The requested commands, in their order; a container stands for its subcommands. Unknown names are
 * skipped.
 */
function* commandsIn(call: Call): Iterable<Command> {
  const { commands } = call.engine
  if (call.args.length === 2) yield* commands.used()
  for (let i = 2; i < call.args.length; i++) {
    const command = commands.get(call.args.string(i))
    if (command === undefined) continue
    yield command
    if (command.subcommands !== undefined) yield* command.subcommands.values()
  }
}

function writeHistogram({ reply }: Call, latencies: LatencyHistogram): void {
  const steps = [...latencies.cumulative()]
  reply.map(2)
  reply.text('calls')
  reply.integer(latencies.count)
  reply.text('histogram_usec')
  reply.map(steps.length)
  for (const [nanoseconds, count] of steps) {
    reply.integer(Math.floor(nanoseconds / 1000))
    reply.integer(count)
  }
}
