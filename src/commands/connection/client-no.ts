// CLIENT NO-EVICT, CLIENT NO-TOUCH: exceptions for connections that look after the server.

import { CLIENT_NO_TOUCH } from '../../engine/clients/client.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

function onOrOff(call: Call): boolean {
  if (call.args.equalsIgnoreCase(2, 'ON')) return true
  if (call.args.equalsIgnoreCase(2, 'OFF')) return false
  throw ERR.syntax
}

const common = {
  group: 'connection',
  complexity: 'O(1)',
  arity: 3,
  acl: ['connection'],
  args: [
    {
      name: 'enabled',
      type: 'oneof',
      args: [
        { name: 'on', type: 'pure-token', token: 'ON' },
        { name: 'off', type: 'pure-token', token: 'OFF' },
      ],
    },
  ],
  reply: 'status OK',
} as const satisfies Partial<CommandSpec>

export const clientNoEvict = defineCommand({
  ...common,
  name: 'CLIENT NO-EVICT',
  summary: 'Protects this connection from being closed when clients use too much memory.',
  since: '7.0.0',
  flags: ['admin', 'noscript', 'loading', 'stale'],
  run(call) {
    call.client.connection.noEvict = onOrOff(call)
    call.reply.ok()
  },
})

export const clientNoTouch = defineCommand({
  ...common,
  name: 'CLIENT NO-TOUCH',
  summary: 'Chooses whether what this connection looks at counts as used.',
  since: '7.2.0',
  flags: ['noscript', 'loading', 'stale'],
  run(call) {
    if (onOrOff(call)) call.client.state |= CLIENT_NO_TOUCH
    else call.client.state &= ~CLIENT_NO_TOUCH
    call.reply.ok()
  },
})
