// PING: tests a connection. A subscribed RESP2 client gets the answer in the form of a message,
// because it expects nothing else.

import { CLIENT_SUBSCRIBED } from '../../engine/clients/client.ts'
import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const ping = defineCommand({
  name: 'PING',
  summary: 'Answers PONG, or with the message it was given.',
  group: 'connection',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: -1,
  flags: ['fast'],
  args: [{ name: 'message', type: 'string', optional: true }],
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  reply: 'status PONG, or bulk string: the message',
  whileSubscribed: true,
  asksForWrites: true,
  run(call) {
    const { args, reply } = call
    if (args.length > 2) throw ERR.arity('ping')
    if ((call.client.state & CLIENT_SUBSCRIBED) !== 0) {
      reply.array(2)
      reply.text('pong')
      if (args.length === 2) reply.bulk(args.bytes(1))
      else reply.text('')
    } else if (args.length === 2) {
      reply.bulk(args.bytes(1))
    } else {
      reply.status('PONG')
    }
  },
})
