// The target of a follower's redirections: the door of the node that takes writes, if it is known.
//
// Nodes tell each other the addresses of their data, not of their doors. So all doors of a cluster
// must have the same port.

import type { Engine } from '../../commands/call.ts'
import type { Exchange } from '../exchanges/exchange.ts'

/**
 * Returns the address of the leader's door; undefined if it is unknown. `refusal` is this node's
 * reply.
 */
export function leaderDoor(engine: Engine, exchange: Exchange, refusal: string): string | undefined {
  const address = refusal.startsWith('MOVED ') ? refusal.split(' ')[2] : leaderAddress(engine)
  const host = address?.replace(/:\d+$/, '')
  if (host === undefined || host === '') return undefined
  const port = engine.config.get(exchange.isEncrypted ? 'http-tls-port' : 'http-port')
  if (port === 0) return undefined
  const isBare = host.includes(':') && !host.startsWith('[')
  return `${exchange.isEncrypted ? 'https' : 'http'}://${isBare ? `[${host}]` : host}:${port}`
}

/** Returns true if a node's reply says that another node takes writes. */
export function isElsewhere(refusal: string): boolean {
  return refusal.startsWith('READONLY ') || refusal.startsWith('MOVED ')
}

function leaderAddress({ parts: { replication } }: Engine): string | undefined {
  const node = replication?.node
  if (node !== undefined) return node.leaderAddress
  const following = replication?.following
  return following === undefined ? undefined : `${following.host}:${following.port}`
}
