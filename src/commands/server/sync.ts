// SYNC, PSYNC: make this connection a replica's.
//
// From here on it gets the replication stream instead of replies (replication/replicas.ts), so no
// reply may be in flight.

import { CLIENT_REPLICA } from '../../engine/clients/client.ts'
import { ERR, ReplyError } from '../../protocol/errors.ts'
import type { Replicas } from '../../replication/replication.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

const PENDING_OUTPUT = ERR.of('SYNC and PSYNC are invalid with pending output')
const NO_LINK = new ReplyError("NOMASTERLINK Can't SYNC while not connected with my master")
const FAILING_OVER = new ReplyError("NOMASTERLINK Can't SYNC while failing over")
/** Changes of a deposed leader that were in flight are undone here. A replica would keep them. */
const FOLLOW_THE_LOG = ERR.of('Nobody can follow a node of a replicated log: follow the log')
const NOT_A_REPLICA = ERR.of("PSYNC FAILOVER can't be sent to a master.")
const OTHER_HISTORY = ERR.of('PSYNC FAILOVER replid must match my replid.')
const FILTER_NEEDS_EOF = ERR.of('Filtered replica requires EOF capability')

const common = {
  group: 'server',
  complexity: 'O(N) with N bytes that are to be sent',
  flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
  reply: 'none: the stream of changes follows, with a snapshot before it where that is needed',
} as const

export const sync = defineCommand({
  ...common,
  name: 'SYNC',
  summary: 'Makes this connection a replica that is sent everything.',
  since: '1.0.0',
  arity: 1,
  run(call) {
    replicasFor(call)?.sync(call.client)
  },
})

export const psync = defineCommand({
  ...common,
  name: 'PSYNC',
  summary: 'Makes this connection a replica that goes on at an offset if that can be.',
  since: '2.8.0',
  arity: -3,
  args: [
    { name: 'replicationid', type: 'string' },
    { name: 'offset', type: 'integer' },
  ],
  run(call) {
    const { args, client } = call
    const isFollowing = (client.state & CLIENT_REPLICA) !== 0
    if (!isFollowing && args.length > 3 && args.equalsIgnoreCase(3, 'FAILOVER')) takeOver(call)
    const replicas = replicasFor(call)
    if (replicas === undefined) return
    const offset = parseInteger(call.args.bytes(2))
    if (offset === undefined) {
      call.engine.environment.log.info(
        {},
        `Replica ${replicas.introduce(call.client).name} asks for synchronization but with a wrong offset`,
      )
      return
    }
    replicas.partialSync(call.client, call.args.string(1), offset)
  },
})

/** The primary hands its role over to this server, and will follow it. Throws Redis's errors. */
function takeOver(call: Call): void {
  const { args, client } = call
  const engine = call.engine
  const { history } = engine.effects
  const { log } = engine.environment
  const { replication } = engine.parts
  const id = args.string(1)
  log.info({}, `Failover request received for replid ${id}.`)
  if (replication?.following === undefined || replication.node !== undefined) throw NOT_A_REPLICA
  if (id.toLowerCase() !== history.id) throw OTHER_HISTORY
  replication.followNobody()
  log.info(
    {},
    `MASTER MODE enabled (failover request from 'id=${client.id} addr=${client.connection.transport.address}')`,
  )
}

/**
 * Returns the replicas of this server for the client to join; undefined if it has already joined.
 * Throws Redis's errors.
 */
function replicasFor(call: Call): Replicas | undefined {
  const { client } = call
  if ((client.state & CLIENT_REPLICA) !== 0) return undefined
  const engine = call.engine
  const { failoverState, following, replicas, node } = engine.parts.replication
  if (node !== undefined) throw FOLLOW_THE_LOG
  if (failoverState !== 'no-failover') throw FAILING_OVER
  if (following !== undefined && !following.linkUp) throw NO_LINK
  engine.requests.replies.markFor(client)
  if (client.pendingBytes > 0) throw PENDING_OUTPUT
  const { copy, introduction } = replicas.introduce(client)
  if (!introduction.understandsEof && !(copy.contents.data && copy.contents.functions)) throw FILTER_NEEDS_EOF
  return replicas
}
