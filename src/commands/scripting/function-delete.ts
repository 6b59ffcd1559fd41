// FUNCTION DELETE: remove a library with its functions.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const functionDelete = defineCommand({
  name: 'FUNCTION DELETE',
  summary: 'Removes a library and its functions.',
  group: 'scripting',
  since: '7.0.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'noscript'],
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  args: [{ name: 'library-name', type: 'string' }],
  reply: 'OK',
  run(call) {
    if (!call.engine.parts.scripting.functions.delete(call.args.string(2))) throw ERR.of('Library not found')
    call.engine.effects.durability.changedLibraries()
    call.changes++
    call.reply.ok()
  },
})
