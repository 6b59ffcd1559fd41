// What subscribers of a Sentinel hear when another node becomes the primary: `+switch-master`, the name, the old address, the new one.

import type { PubSub } from '../broker/pub-sub.ts'
import { Bytes } from '../util/bytes.ts'
import type { Config } from './config.ts'
import type { Shard, ShardNode } from './shard.ts'

const CHANNEL = '+switch-master'

/** Publishes it here from now on. A message has no asker: where this server's own address is not announced, it is the first that it listens on. */
export function publishSwitches(shard: Shard, { config, pubSub }: { config: Config; pubSub: PubSub }): void {
  const place = (node: ShardNode): string => `${node.ip || ownAddress(config)} ${node.port || node.tlsPort}`
  shard.switched.take((from, to) => {
    pubSub.publishTo(CHANNEL, Bytes.from(`${shard.name} ${place(from)} ${place(to)}`))
  })
}

function ownAddress(config: Config): string {
  const [first = ''] = config.get('bind').split(' ')
  return /[*:]|^$/.test(first) || first === '0.0.0.0' ? '127.0.0.1' : first.replace(/^-/, '')
}
