// XINFO: facts about streams, groups and consumers. The container, its help, and how its
// subcommands find a stream.

import { ERR } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import { Stream } from '../../store/stream/stream.ts'
import { READ_UNKNOWN, type StreamGroup } from '../../store/stream/stream-group.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { replyHelp } from '../help.ts'

export const xinfo = defineCommand({
  name: 'XINFO',
  summary: 'Holds the commands that tell about streams.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})

/** The common parts of the subcommands' specs. */
export const xinfoCommon = {
  group: 'stream',
  since: '5.0.0',
  flags: ['readonly'],
  keys: [{ first: 2, last: 2, step: 1, access: 'RO', use: 'access' }],
} as const satisfies Partial<CommandSpec>

/** Returns the stream of argument 2. Throws if there is none. */
export function askedStream(call: Call): Stream {
  const stream = call.db.getForRead(call.key(2), Stream)
  if (stream === undefined) throw ERR.noSuchKey
  return stream
}

/**
 * Replies with the number of entries that a group has read, and the number that it has not read
 * yet, as far as they are known.
 */
export function writeProgress(reply: Reply, stream: Stream, group: StreamGroup): void {
  reply.text('entries-read')
  if (group.entriesRead === READ_UNKNOWN) reply.nil()
  else reply.integer(group.entriesRead)
  reply.text('lag')
  const lag = stream.lagOf(group)
  if (lag === undefined) reply.nil()
  else reply.integer(lag)
}

export const xinfoHelp = defineCommand({
  name: 'XINFO HELP',
  summary: 'Explains the subcommands of XINFO.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'XINFO', [
      ['CONSUMERS <key> <groupname>', 'Show consumers of <groupname>.'],
      ['GROUPS <key>', 'Show the stream consumer groups.'],
      ['STREAM <key> [FULL [COUNT <count>]', 'Show information about the stream.'],
    ])
  },
})
