import { defineCommand } from '../../engine/command.ts'
import { replyHelp } from '../help.ts'

export const scriptHelp = defineCommand({
  name: 'SCRIPT HELP',
  summary: 'Explains the subcommands of SCRIPT.',
  group: 'scripting',
  since: '5.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'SCRIPT', [
      ['DEBUG (YES|SYNC|NO)', 'There is no debugger here: only NO is accepted.'],
      ['EXISTS <sha1> [<sha1> ...]', 'Which scripts are known.'],
      ['FLUSH [ASYNC|SYNC]', 'Forget every script.'],
      ['KILL', 'End the script that is running, if it has changed nothing yet.'],
      ['LOAD <script>', 'Compile a script for EVALSHA without running it.'],
    ])
  },
})
