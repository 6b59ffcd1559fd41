// WAITAOF: waits until all that this client wrote survives a power cut, here and on replicas.
//
// The journal is asked for a sync at once. A client that writes a lot should rather make its keys
// `always` (docs/durability.md) than wait after each command. The replicas are asked for their
// offsets.

import type { Client } from '../../engine/clients/client.ts'
import type { Durability } from '../../engine/effects/durability.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import type { Replication } from '../../replication/replication.ts'
import { INT64_MAX, parseInteger } from '../../util/numbers/numbers.ts'
import { defineCommand } from '../define-command.ts'

const LOCAL_OUT_OF_RANGE = ERR.of('value is out of range, value must between 0 and 1')
const REPLICAS_OUT_OF_RANGE = ERR.of('value is out of range, must be positive')
const NOT_ON_REPLICAS = ERR.of(
  'WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.',
)
const NEEDS_JOURNAL = ERR.of('WAITAOF cannot be used when numlocal is set but appendonly is disabled.')

export const waitaof = defineCommand({
  name: 'WAITAOF',
  summary: 'Waits until the writes of this client are synced to the append-only file.',
  group: 'generic',
  since: '7.2.0',
  complexity: 'O(1)',
  acl: ['connection'],
  arity: 4,
  // Scripts may call WAIT since 7.2, but not this.
  flags: ['noscript'],
  args: [
    { name: 'numlocal', type: 'integer' },
    { name: 'numreplicas', type: 'integer' },
    { name: 'timeout', type: 'integer' },
  ],
  tips: ['request_policy:all_shards', 'response_policy:agg_min'],
  reply: 'array: 1 when they are synced here, else 0; replicas on which they are',
  mayWait: true,
  run(call) {
    const local = call.integer(1, 0, 1, LOCAL_OUT_OF_RANGE)
    const wanted = parseInteger(call.args.bytes(2))
    if (wanted === undefined || wanted < 0) throw REPLICAS_OUT_OF_RANGE
    const timeout = parseInteger(call.args.bytes(3))
    if (timeout === undefined) throw ERR.timeoutNotInteger
    if (timeout < 0) throw ERR.timeoutNegative
    if (timeout > INT64_MAX - BigInt(Math.floor(call.now()))) throw ERR.timeoutOutOfRange
    const { client } = call
    const {
      effects: { durability },
    } = call.engine
    const replication = call.engine.parts.replication
    const { following, replicas } = replication
    if (following !== undefined) throw NOT_ON_REPLICAS
    // An append-only file that was just switched on begins when its base is written; until then
    // nothing is synced.
    const isJournaled = durability.progress.enabled || call.engine.config.get('appendonly')
    if (local === 1 && !isJournaled) throw NEEDS_JOURNAL
    const answer = (reply: Reply): void => write(reply, durability, replication, client)
    const isEnough = replication.copiesOf(client, 'disk') >= wanted
    if (isEnough && (local === 0 || durability.isSynced(client))) return answer(call.reply)
    if (!call.retrying && wanted > 0) replicas.askForAcknowledgements()
    durability.awaitSync(call, Number(timeout), answer, [replicas.acknowledged])
  },
})

function write(reply: Reply, durability: Durability, replication: Replication, client: Client): void {
  reply.array(2)
  reply.integer(durability.isSynced(client) ? 1 : 0)
  reply.integer(replication.copiesOf(client, 'disk'))
}
