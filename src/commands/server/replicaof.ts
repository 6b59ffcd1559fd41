// REPLICAOF, SLAVEOF: make this server a replica of a primary, or a primary.

import { ERR } from '../../protocol/errors.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

const PORT_MAX = 65535
const INVALID_PORT = ERR.of('Invalid master port')
const IN_CLUSTER = ERR.of('REPLICAOF not allowed in cluster mode.')
const FAILING_OVER = ERR.of('REPLICAOF not allowed while failing over.')
const DECIDED_BY_LOG = ERR.of('REPLICAOF is not possible: who leads is decided by the log. See FAILOVER')
const NO_REPLICATION = ERR.of('REPLICAOF is not possible here')

const common = {
  group: 'server',
  complexity: 'O(1)',
  acl: ['admin', 'dangerous'],
  arity: 3,
  flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
  args: [
    {
      name: 'args',
      type: 'oneof',
      args: [
        {
          name: 'host-port',
          type: 'block',
          args: [
            { name: 'host', type: 'string' },
            { name: 'port', type: 'integer' },
          ],
        },
        {
          name: 'no-one',
          type: 'block',
          args: [
            { name: 'no', type: 'pure-token', token: 'NO' },
            { name: 'one', type: 'pure-token', token: 'ONE' },
          ],
        },
      ],
    },
  ],
  reply: 'status: OK',
  run: follow,
} as const satisfies Partial<CommandSpec>

export const replicaof = defineCommand({
  ...common,
  name: 'REPLICAOF',
  summary: 'Follows a primary, or is one itself.',
  since: '5.0.0',
})

export const slaveof = defineCommand({
  ...common,
  name: 'SLAVEOF',
  summary: 'Follows a primary, or is one itself.',
  since: '1.0.0',
  deprecated: { since: '5.0.0', instead: '`REPLICAOF`' },
})

function follow(call: Call): void {
  const { args, client, reply } = call
  const engine = call.engine
  const { log } = engine.environment
  const { replication } = engine.parts
  if (engine.parts.cluster !== null) throw IN_CLUSTER
  if (replication === undefined) throw NO_REPLICATION
  if (replication.node !== undefined) throw DECIDED_BY_LOG
  if (replication.failoverState !== 'no-failover') throw FAILING_OVER
  const { following } = replication
  const who = `id=${client.id} addr=${client.connection.transport.address}`
  if (args.equalsIgnoreCase(1, 'NO') && args.equalsIgnoreCase(2, 'ONE')) {
    if (following !== undefined) {
      replication.followNobody()
      log.info({}, `MASTER MODE enabled (user request from '${who}')`)
    }
    reply.ok()
    return
  }
  const host = args.string(1)
  const port = parseInteger(args.bytes(2))
  if (typeof port !== 'number' || port < 0 || port > PORT_MAX) throw INVALID_PORT
  if (following !== undefined && following.host.toLowerCase() === host.toLowerCase() && following.port === port) {
    log.info(
      {},
      `REPLICAOF would result into synchronization with the master we are already connected with. No operation performed.`,
    )
    reply.status('OK Already connected to specified master')
    return
  }
  replication.follow({ host, port })
  log.info({}, `REPLICAOF ${host}:${port} enabled (user request from '${who}')`)
  reply.ok()
}
