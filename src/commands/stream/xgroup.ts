// XGROUP: consumer groups. The container, its help, and how its subcommands find a group.

import { ERR } from '../../protocol/errors.ts'
import { Stream } from '../../store/stream/stream.ts'
import type { StreamGroup } from '../../store/stream/stream-group.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { replyHelp } from '../help.ts'

export const xgroup = defineCommand({
  name: 'XGROUP',
  summary: 'Holds the commands about consumer groups.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})

/** The common parts of the subcommands' specs. */
export const xgroupCommon = {
  group: 'stream',
  complexity: 'O(1)',
} as const satisfies Partial<CommandSpec>

/** Returns the stream of argument 2 for writing. Throws if there is none. */
export function streamOf(call: Call): Stream {
  const stream = call.db.getForWrite(call.key(2), Stream)
  if (stream === undefined) throw ERR.of(KEY_REQUIRED)
  return stream
}

/** Returns the group of arguments 2 and 3. Throws NOGROUP. */
export function groupOf(call: Call, stream: Stream): StreamGroup {
  const group = stream.groups.get(call.args.bytes(3))
  if (group === undefined) throw ERR.noGroupOfKey(call.args.string(2), call.args.string(3))
  return group
}

const KEY_REQUIRED =
  'The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.'

export const xgroupHelp = defineCommand({
  ...xgroupCommon,
  name: 'XGROUP HELP',
  summary: 'Explains the subcommands of XGROUP.',
  since: '5.0.0',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'XGROUP', [
      [
        'CREATE <key> <groupname> <id|$> [option]',
        'Create a new consumer group. Options are:',
        '* MKSTREAM',
        '  Create the empty stream if it does not exist.',
        '* ENTRIESREAD entries_read',
        "  Set the group's entries_read counter (internal use).",
      ],
      ['CREATECONSUMER <key> <groupname> <consumer>', 'Create a new consumer in the specified group.'],
      ['DELCONSUMER <key> <groupname> <consumer>', 'Remove the specified consumer.'],
      ['DESTROY <key> <groupname>', 'Remove the specified group.'],
      [
        'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
        'Set the current group ID and entries_read counter.',
      ],
    ])
  },
})
