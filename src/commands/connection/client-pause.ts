// CLIENT PAUSE, CLIENT UNPAUSE: make all commands, or those that may write, wait for a while.

import { ERR } from '../../protocol/errors.ts'
import { INT64_MAX, parseInteger } from '../../util/numbers/numbers.ts'
import { defineCommand } from '../define-command.ts'

export const clientPause = defineCommand({
  name: 'CLIENT PAUSE',
  summary: 'Lets commands wait for some milliseconds.',
  group: 'connection',
  since: '3.0.0',
  complexity: 'O(1)',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  acl: ['connection'],
  args: [
    { name: 'timeout', type: 'integer' },
    {
      name: 'mode',
      type: 'oneof',
      since: '6.2.0',
      optional: true,
      args: [
        { name: 'write', type: 'pure-token', token: 'WRITE' },
        { name: 'all', type: 'pure-token', token: 'ALL' },
      ],
    },
  ],
  reply: 'status OK',
  history: [['6.2.0', 'WRITE, and with it the choice.']],
  run(call) {
    const { args } = call
    const {
      conditions: { pause },
    } = call.engine
    if (args.length > 4) throw ERR.subcommandSyntax(args.string(1), 'CLIENT')
    let mode: 'all' | 'write' = 'all'
    if (args.length === 4) {
      if (args.equalsIgnoreCase(3, 'WRITE')) mode = 'write'
      else if (!args.equalsIgnoreCase(3, 'ALL')) throw ERR.pauseMode
    }
    const timeoutMs = parseInteger(args.bytes(2))
    if (timeoutMs === undefined) throw ERR.timeoutNotInteger
    if (timeoutMs < 0) throw ERR.timeoutNegative
    if (BigInt(timeoutMs) > INT64_MAX - BigInt(Math.floor(call.now()))) throw ERR.timeoutOutOfRange
    // If there is nothing to wait for, a running pause may become a stricter one.
    pause.begin('client', mode, call.now() + Number(timeoutMs))
    call.reply.ok()
  },
})

export const clientUnpause = defineCommand({
  name: 'CLIENT UNPAUSE',
  summary: 'Ends a pause: postponed commands go on.',
  group: 'connection',
  since: '6.2.0',
  complexity: 'O(N) where N is the number of clients whose requests were postponed.',
  arity: 2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  acl: ['connection'],
  reply: 'status OK',
  run(call) {
    call.engine.conditions.pause.end('client')
    call.reply.ok()
  },
})
