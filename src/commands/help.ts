// The reply of a HELP subcommand: each form of a command, with its explanation indented below.

import type { Call } from './call.ts'

/**
 * Replies with the lines of a container's help; `forms` are pairs of a form and the lines of its
 * explanation.
 */
export function replyHelp(call: Call, container: string, forms: readonly (readonly [string, ...string[]])[]): void {
  const lines = [`${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`]
  for (const [form, ...explanation] of [...forms, ['HELP', 'Print this help.'] as const]) {
    lines.push(form, ...explanation.map((line) => `    ${line}`))
  }
  call.reply.array(lines.length)
  for (const line of lines) call.reply.status(line)
}
