// PUBSUB NUMPAT: the number of different patterns that have subscribers.

import { defineCommand } from '../define-command.ts'

export const pubsubNumpat = defineCommand({
  name: 'PUBSUB NUMPAT',
  summary: 'Counts the different patterns that have subscribers.',
  group: 'pubsub',
  since: '2.8.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['pubsub', 'loading', 'stale'],
  reply: 'integer',
  run(call) {
    call.reply.integer(call.engine.clients.pubSub.count('pattern'))
  },
})
