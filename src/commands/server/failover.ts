// FAILOVER: hands this server's role to one of its replicas.
//
// The reply says that it has begun; INFO shows its progress (replication/failover.ts).

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

const IN_CLUSTER = ERR.of('FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.')
const NO_TIME = ERR.of('FAILOVER timeout must be greater than 0')

export const failover = defineCommand({
  name: 'FAILOVER',
  summary: 'Hands the place of this server over to one of its replicas.',
  group: 'server',
  since: '6.2.0',
  complexity: 'O(1)',
  arity: -1,
  flags: ['admin', 'noscript', 'stale'],
  args: [
    {
      name: 'target',
      type: 'block',
      token: 'TO',
      optional: true,
      args: [
        { name: 'host', type: 'string' },
        { name: 'port', type: 'integer' },
        { name: 'force', type: 'pure-token', token: 'FORCE', optional: true },
      ],
    },
    { name: 'abort', type: 'pure-token', token: 'ABORT', optional: true },
    { name: 'milliseconds', type: 'integer', token: 'TIMEOUT', optional: true },
  ],
  reply: 'status: OK, it has begun',
  run(call) {
    const {
      parts: { cluster, replication },
    } = call.engine
    // With a replicated log the log decides which node leads, also in a cluster of several logs.
    if (cluster !== null && replication?.node === undefined) throw IN_CLUSTER
    const { args, reply } = call
    const { failover } = call.engine.parts.replication
    if (args.length === 2 && args.equalsIgnoreCase(1, 'ABORT')) {
      failover.abort()
      reply.ok()
      return
    }
    let target: { host: string; port: number } | undefined
    let timeoutMs: number | undefined
    let isForced = false
    const options = call.options(1)
    while (options.next()) {
      if (timeoutMs === undefined && options.has(1) && options.is('TIMEOUT')) {
        timeoutMs = options.integer()
        if (timeoutMs <= 0) throw NO_TIME
      } else if (target === undefined && options.has(2) && options.is('TO')) {
        target = { host: options.string(), port: options.integer() }
      } else if (!isForced && options.is('FORCE')) {
        isForced = true
      } else {
        throw ERR.syntax
      }
    }
    failover.begin({ target, timeoutMs, isForced })
    reply.ok()
  },
})
