// The first step of Sentinel's commands: finds the shard that a name means, and the addresses of
// its nodes for the asking client.

import type { Config } from '../../config/config.ts'
import { localIp } from '../../engine/cluster-view/node-address.ts'
import type { SentinelNode, SentinelView } from '../../engine/cluster-view/sentinel-view.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'

const NO_SUCH_MASTER = ERR.of('No such master with that name')
const NO_SHARD = ERR.of('This server knows of no shard')

/**
 * A server without a `shard-name` does not answer as a Sentinel, and the command is unknown, as in
 * redis-server.
 */
export function isOffered(config: Config): boolean {
  return config.get('shard-name') !== ''
}

export function shardOf(call: Call): SentinelView {
  const {
    parts: { sentinelView },
  } = call.engine
  if (sentinelView === null) throw NO_SHARD
  return sentinelView
}

/** Returns the shard that an argument names. Throws if this server is not part of it. */
export function namedShard(call: Call, index = 2): SentinelView {
  const shard = shardOf(call)
  if (call.args.string(index) !== shard.name) throw NO_SUCH_MASTER
  return shard
}

export function ipOf(call: Call, node: SentinelNode): string {
  return node.ip || localIp(call.client)
}

export function portOf(call: Call, node: SentinelNode): number {
  const { port, tlsPort } = node
  return (call.client.connection.transport.isEncrypted ? tlsPort : port) || port || tlsPort
}
