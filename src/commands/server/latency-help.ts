import { defineCommand } from '../define-command.ts'
import { replyHelp } from '../help.ts'

export const latencyHelp = defineCommand({
  name: 'LATENCY HELP',
  summary: 'Explains the subcommands of LATENCY.',
  group: 'server',
  since: '2.8.13',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'LATENCY', [
      ['DOCTOR', 'Return a human readable latency analysis report.'],
      ['GRAPH <event>', 'Return an ASCII latency graph for the <event> class.'],
      ['HISTORY <event>', 'Return time-latency samples for the <event> class.'],
      ['LATEST', 'Return the latest latency samples for all events.'],
      [
        'RESET [<event> ...]',
        'Reset latency data of one or more <event> classes.',
        '(default: reset all data for all event classes)',
      ],
      [
        'HISTOGRAM [COMMAND ...]',
        'Return a cumulative distribution of latencies in the format of a histogram for the specified command names.',
        'If no commands are specified then all histograms are replied.',
      ],
    ])
  },
})
