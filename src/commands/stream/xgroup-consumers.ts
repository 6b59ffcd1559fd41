// XGROUP CREATECONSUMER, XGROUP DELCONSUMER: add a consumer to a group, and remove it.

import { type CommandSpec, defineCommand } from '../define-command.ts'
import { createConsumer } from './stream-arguments.ts'
import { groupOf, streamOf, xgroupCommon } from './xgroup.ts'

const common = {
  ...xgroupCommon,
  arity: 5,
  args: [
    { name: 'key', type: 'key' },
    { name: 'group', type: 'string' },
    { name: 'consumer', type: 'string' },
  ],
} as const satisfies Partial<CommandSpec>

export const xgroupCreateConsumer = defineCommand({
  ...common,
  name: 'XGROUP CREATECONSUMER',
  summary: 'Adds a consumer to a group.',
  since: '6.2.0',
  flags: ['write', 'denyoom'],
  keys: [{ first: 2, last: 2, step: 1, access: 'RW', use: 'insert' }],
  reply: 'integer: 1, or 0 when it was there already',
  run(call) {
    const group = groupOf(call, streamOf(call))
    const name = call.args.bytes(4)
    const exists = group.consumers.get(name) !== undefined
    if (!exists) createConsumer(call, call.key(2), group, name)
    call.reply.integer(exists ? 0 : 1)
  },
})

export const xgroupDelConsumer = defineCommand({
  ...common,
  name: 'XGROUP DELCONSUMER',
  summary: 'Removes a consumer from a group, with what is pending for it.',
  since: '5.0.0',
  flags: ['write'],
  keys: [{ first: 2, last: 2, step: 1, access: 'RW', use: 'delete' }],
  reply: 'integer: how many entries were pending for it',
  run(call) {
    const group = groupOf(call, streamOf(call))
    const consumer = group.consumers.get(call.args.bytes(4))
    if (consumer === undefined) return call.reply.integer(0)
    const pending = consumer.pending.count
    group.removeConsumer(consumer)
    call.changedWithin(call.key(2))
    call.notify(call.key(2), 'xgroup-delconsumer')
    call.reply.integer(pending)
  },
})
