// OBJECT: how a key is stored. The container, its help, and how its subcommands look a key up.

import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { replyHelp } from '../help.ts'

export const object = defineCommand({
  name: 'OBJECT',
  summary: 'Answers questions about the value under a key.',
  group: 'generic',
  since: '2.2.3',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})

/** The common parts of the subcommands' specs. */
export const objectCommon = {
  group: 'generic',
  complexity: 'O(1)',
  acl: ['keyspace'],
  arity: 3,
  flags: ['readonly'],
  keys: [{ first: 2, last: 2, step: 1, access: 'RO' }],
  args: [{ name: 'key', type: 'key' }],
  tips: ['nondeterministic_output'],
} as const satisfies Partial<CommandSpec>

/**
 * Finds the entry of the key; replies nil and returns NONE if there is none. This does not count as
 * a use of the key.
 */
export function findAsked(call: Call): number {
  const { db, engine } = call
  const entry = db.find(call.key(2))
  if (entry !== NONE) {
    engine.data.dataset.use.hits++
  } else {
    // Redis counts the miss, but sends no event.
    engine.data.dataset.use.misses++
    call.reply.nil()
  }
  return entry
}

/**
 * True while keys are evicted by frequency of use. Then frequencies are kept instead of idle times.
 */
export function keepsFrequency(call: Call): boolean {
  return call.engine.config.get('maxmemory-policy').endsWith('-lfu')
}

export const objectHelp = defineCommand({
  name: 'OBJECT HELP',
  summary: 'Says how the subcommands are used.',
  group: 'generic',
  since: '6.2.0',
  complexity: 'O(1)',
  acl: ['keyspace'],
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'OBJECT', [
      [
        'ENCODING <key>',
        'Return the kind of internal representation used in order to store the value',
        'associated with a <key>.',
      ],
      [
        'FREQ <key>',
        'Return the access frequency index of the <key>. The returned integer is',
        'proportional to the logarithm of the recent access frequency of the key.',
      ],
      [
        'IDLETIME <key>',
        'Return the idle time of the <key>, that is the approximated number of',
        'seconds elapsed since the last access to the key.',
      ],
      ['REFCOUNT <key>', 'Return the number of references of the value associated with the specified', '<key>.'],
    ])
  },
})
