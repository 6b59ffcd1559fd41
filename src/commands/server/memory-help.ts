import { defineCommand } from '../../engine/command.ts'
import { replyHelp } from '../help.ts'

export const memoryHelp = defineCommand({
  name: 'MEMORY HELP',
  summary: 'Explains the subcommands of MEMORY.',
  group: 'server',
  since: '4.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'MEMORY', [
      ['DOCTOR', 'Whether something is wrong with the memory, in words.'],
      ['MALLOC-STATS', 'The state of the allocator.'],
      ['PURGE', 'Give memory that is not needed back.'],
      ['STATS', 'Where the memory is, in numbers.'],
      ['USAGE <key> [SAMPLES <count>]', 'Bytes that a key and its value take.'],
    ])
  },
})
