// XGROUP DESTROY: removes a consumer group.

import { defineCommand } from '../define-command.ts'
import { streamOf, xgroupCommon } from './xgroup.ts'

export const xgroupDestroy = defineCommand({
  ...xgroupCommon,
  name: 'XGROUP DESTROY',
  summary: 'Removes a consumer group, with its consumers and what is pending.',
  complexity: 'O(N) with N entries that are pending.',
  since: '5.0.0',
  arity: 4,
  flags: ['write'],
  keys: [{ first: 2, last: 2, step: 1, access: 'RW', use: 'delete' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'group', type: 'string' },
  ],
  reply: 'integer: 1, or 0 when there was no such group',
  run(call) {
    const key = call.key(2)
    const stream = streamOf(call)
    const group = stream.groups.get(call.args.bytes(3))
    if (group === undefined) return call.reply.integer(0)
    stream.removeGroup(group)
    call.reply.integer(1)
    call.changedWithin(key)
    call.notify(key, 'xgroup-destroy')
    // Clients that wait for new entries of the group learn that the group is gone.
    call.wake(key)
  },
})
