// COMMAND GETKEYS, COMMAND GETKEYSANDFLAGS: the keys of a command that is given in full, but not
// run.

import type { Command } from '../../engine/spec/command.ts'
import { hasArity } from '../../engine/spec/command-table.ts'
import { type FoundKey, findKeys, hasKeys } from '../../engine/spec/key-extraction.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

/** Index of the given command. */
const COMMAND_AT = 2

const common = {
  group: 'server',
  complexity: 'O(N) with N arguments of the command',
  acl: ['connection'],
  arity: -3,
  flags: ['loading', 'stale'],
  args: [
    { name: 'command', type: 'string' },
    { name: 'arg', type: 'string', optional: true, multiple: true },
  ],
} as const satisfies Partial<CommandSpec>

export const commandGetkeys = defineCommand({
  ...common,
  name: 'COMMAND GETKEYS',
  summary: 'Returns the keys of a command that is written out.',
  since: '2.8.13',
  reply: 'array: keys',
  run(call) {
    const found = find(call)
    call.reply.array(found.length)
    for (const { index } of found) call.reply.bulk(call.args.bytes(index))
  },
})

export const commandGetkeysandflags = defineCommand({
  ...common,
  name: 'COMMAND GETKEYSANDFLAGS',
  summary: 'Returns the keys of a command that is written out, and what would happen to each.',
  since: '7.0.0',
  reply: 'array: pairs of a key and its flags',
  run(call) {
    const found = find(call)
    call.reply.array(found.length)
    for (const { index, flags } of found) {
      call.reply.array(2)
      call.reply.bulk(call.args.bytes(index))
      call.reply.set(flags.length)
      for (const flag of flags) call.reply.status(flag)
    }
  },
})

function find(call: Call): FoundKey[] {
  const command = commandIn(call)
  if (command === undefined) throw ERR.of('Invalid command specified')
  if (!hasKeys(command)) throw ERR.of('The command has no key arguments')
  if (!hasArity(command, call.args, COMMAND_AT)) throw ERR.of('Invalid number of arguments specified for command')
  const found = findKeys(command, call.args, COMMAND_AT)
  if (found !== undefined && (found.length > 0 || command.flags.has('no_mandatory_keys'))) return found
  // EVAL without keys is no error here.
  if (command.flags.has('no_mandatory_keys')) return []
  throw ERR.of('Invalid arguments specified for command')
}

function commandIn(call: Call): Command | undefined {
  const command = call.engine.commands.find(call.args.bytes(COMMAND_AT))
  if (command?.subcommands === undefined || call.args.length <= COMMAND_AT + 1) return command
  return command.subcommands.get(call.args.string(COMMAND_AT + 1).toLowerCase())
}
