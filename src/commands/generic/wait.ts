// WAIT: waits until a number of replicas have all that this client wrote.
//
// The replicas are asked for their offsets at once, and each answer is compared with the waiting
// clients. At the timeout the reply is the number of replicas that have it by then. If a replicated
// log is the journal, its servers are counted: a quorum of them has every acknowledged write.

import { ERR } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import { INT64_MAX, parseInteger } from '../../util/numbers/numbers.ts'
import { defineCommand } from '../define-command.ts'

const NOT_ON_REPLICAS = ERR.of(
  'WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.',
)

export const wait = defineCommand({
  name: 'WAIT',
  summary: 'Waits until replicas have the writes of this client.',
  group: 'generic',
  since: '3.0.0',
  complexity: 'O(1)',
  acl: ['connection'],
  arity: 3,
  flags: [],
  args: [
    { name: 'numreplicas', type: 'integer' },
    { name: 'timeout', type: 'integer' },
  ],
  tips: ['request_policy:all_shards', 'response_policy:agg_min'],
  reply: 'integer: replicas that have them',
  mayWait: true,
  run(call) {
    const { client } = call
    const {
      effects: { durability },
    } = call.engine
    const replication = call.engine.parts.replication
    const { following, replicas, node } = replication
    if (following !== undefined) throw NOT_ON_REPLICAS
    const wanted = call.args.integer(1)
    const timeout = parseInteger(call.args.bytes(2))
    if (timeout === undefined) throw ERR.timeoutNotInteger
    if (timeout < 0) throw ERR.timeoutNegative
    if (timeout > INT64_MAX - BigInt(Math.floor(call.now()))) throw ERR.timeoutOutOfRange
    const count = replication.copiesOf(client, 'memory')
    if (count >= wanted) return call.reply.integer(count)
    const timeoutMs = Number(timeout)
    const onTimeout = (reply: Reply): void => reply.integer(replication.copiesOf(client, 'memory'))
    if (node !== undefined) return durability.awaitSync(call, timeoutMs, onTimeout)
    if (!call.retrying) replicas.askForAcknowledgements()
    call.waitFor({ signals: [replicas.acknowledged], timeoutMs, onTimeout })
  },
})
