import { defineCommand } from '../define-command.ts'
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
      ['DEBUG (YES|SYNC|NO)', 'Set the debug mode for subsequent scripts executed.'],
      ['EXISTS <sha1> [<sha1> ...]', 'Return information about the existence of the scripts in the script cache.'],
      [
        'FLUSH [ASYNC|SYNC]',
        'Flush the Lua scripts cache. Very dangerous on replicas.',
        'When called without the optional mode argument, the behavior is determined by the',
        'lazyfree-lazy-user-flush configuration directive. Valid modes are:',
        '* ASYNC: Asynchronously flush the scripts cache.',
        '* SYNC: Synchronously flush the scripts cache.',
      ],
      ['KILL', 'Kill the currently executing Lua script.'],
      ['LOAD <script>', 'Load a script into the scripts cache without executing it.'],
    ])
  },
})
