// The message of a Sentinel when another node becomes the primary: `+switch-master`, the name, the
// old address, the new one.

import type { PubSub } from '../../broker/pub-sub.ts'
import type { Config } from '../../config/config.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { ownAddress } from './own-address.ts'
import type { SentinelNode, SentinelView } from './sentinel-view.ts'

const CHANNEL = '+switch-master'

/**
 * Publishes the message here from now on. It has no receiver's connection that would tell the
 * address of this server.
 */
export function publishSwitches(
  shard: SentinelView,
  { config, clients: { pubSub } }: { config: Config; readonly clients: { pubSub: PubSub } },
): void {
  const place = (node: SentinelNode): string => `${node.ip || ownAddress(config)} ${node.port || node.tlsPort}`
  shard.switched.add((from, to) => {
    pubSub.publishTo(CHANNEL, Bytes.from(`${shard.name} ${place(from)} ${place(to)}`))
  })
}
