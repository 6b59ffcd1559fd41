import { defineCommand } from '../../engine/command.ts'
import { replyHelp } from '../help.ts'

export const functionHelp = defineCommand({
  name: 'FUNCTION HELP',
  summary: 'Explains the subcommands of FUNCTION.',
  group: 'scripting',
  since: '7.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'FUNCTION', [
      ['LOAD [REPLACE] <FUNCTION CODE>', 'Load a library; its first line names it: #!lua name=<library>.'],
      ['DELETE <LIBRARY NAME>', 'Remove a library and its functions.'],
      ['LIST [LIBRARYNAME PATTERN] [WITHCODE]', 'The libraries and their functions, with their code if asked for.'],
      ['STATS', 'The function that is running, and how many there are.'],
      ['KILL', 'End the function that is running, if it has changed nothing yet.'],
      ['FLUSH [ASYNC|SYNC]', 'Remove every library.'],
      ['DUMP', 'Every library as one payload.'],
      [
        'RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]',
        'Load the libraries in a payload:',
        '* FLUSH: instead of those that are there.',
        '* APPEND: beside them; names must differ.',
        '* REPLACE: instead of those of the same names.',
      ],
    ])
  },
})
