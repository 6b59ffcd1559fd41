// The common part of the specs of LATENCY's subcommands.

import type { CommandSpec } from '../define-command.ts'

/** The common parts of LATENCY's subcommands that report. */
export const latencyReport = {
  group: 'server',
  since: '2.8.13',
  complexity: 'O(1)',
  flags: ['admin', 'noscript', 'loading', 'stale'],
  tips: ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
} as const satisfies Partial<CommandSpec>
